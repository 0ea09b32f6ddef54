// How tensors print: PyTorch's layout, with its rules for precision, width and summarising.
import { FlambeauError } from "./errors.ts";
import { type TypedArray, isComplex, isFloat } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

const lineWidth = 80;
/** Above this many elements, only the edges of each axis are shown. */
const summarizeAbove = 1000;
const edgeItems = 3;

type Format = (value: number | bigint) => string;

function floatFormat(values: readonly number[]): Format {
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0).map(Math.abs);
  const largest = Math.max(...finite, 0);
  const smallest = Math.min(...finite, Infinity);
  const isWhole = values.every((value) => !Number.isFinite(value) || Number.isInteger(value));
  if (isWhole && largest < 1e8) return show((value) => `${value}.`);
  if (finite.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4)) {
    return show((value) => value.toExponential(4).replace(/e([+-])(\d)$/, "e$10$2"));
  }
  return show((value) => value.toFixed(4));
}

const show =
  (finite: (value: number) => string): Format =>
  (value) => {
    const number = Number(value);
    if (Number.isNaN(number)) return "nan";
    if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
    return Object.is(number, -0) ? `-${finite(0)}` : finite(number);
  };

/** How elements print: the text of the one at a position of the data, and the widest one's length. */
interface Cells {
  readonly width: number;
  readonly text: (at: number) => string;
}

/** Numbers, right-aligned; 0-d ones as they are. */
function cellsOf(x: Tensor, data: TypedArray, visible: readonly number[]): Cells {
  const column = (values: readonly (number | bigint)[], format: Format) => {
    const width = x.ndim === 0 ? 0 : Math.max(...values.map((value) => format(value).length));
    return { width, text: (value: number | bigint) => format(value).padStart(width) };
  };
  if (isComplex(x.dtype)) {
    const [re, im] = [0, 1].map((part) => {
      const values = visible.map((at) => Number(data[2 * at + part]));
      return column(values, floatFormat(values));
    }) as [ReturnType<typeof column>, ReturnType<typeof column>];
    return {
      width: re.width + im.width + 1,
      text: (at) => {
        const imaginary = im.text(data[2 * at + 1]!).trimStart();
        return `${re.text(data[2 * at]!)}${imaginary.startsWith("-") ? "" : "+"}${imaginary}j`;
      },
    };
  }
  const values = visible.map((at) => data[at]!);
  const format: Format =
    x.dtype === "bool"
      ? (value) => (value === 0 ? "False" : "True")
      : isFloat(x.dtype)
        ? floatFormat(values as number[])
        : String;
  const { width, text } = column(values, format);
  return { width, text: (at) => text(data[at]!) };
}

/** Positions shown along an axis; -1 stands for the dots. */
function shownPositions(length: number, summarize: boolean): number[] {
  if (!summarize || length <= 2 * edgeItems) return Array.from({ length }, (_, i) => i);
  const head = Array.from({ length: edgeItems }, (_, i) => i);
  return [...head, -1, ...head.map((i) => length - edgeItems + i)];
}

export function printTensor(x: Tensor): string {
  const suffix = suffixOf(x);
  if (x.symbol !== undefined) return `tensor(traced %${x.symbol.id}, shape=[${x.shape.join(", ")}]${suffix})`; // prettier-ignore
  if (x.batched !== undefined) return `tensor(batched, shape=[${x.shape.join(", ")}]${suffix})`;
  if (x.isDisposed || x.storage.isFreed) return `tensor(freed, shape=[${x.shape.join(", ")}]${suffix})`; // prettier-ignore
  let data;
  try {
    data = x.dataSync();
  } catch (error) {
    if (!(error instanceof FlambeauError)) throw error;
    return `tensor(pending on ${x.device.name}, shape=[${x.shape.join(", ")}]${suffix})`;
  }
  if (x.size === 0) {
    const size = x.ndim === 1 ? "" : `, size=(${x.shape.join(", ")})`;
    return `tensor([]${size}${suffix})`;
  }
  const summarize = x.size > summarizeAbove;
  const positions = x.shape.map((length) => shownPositions(length, summarize));
  const visible: number[] = [];
  const visit = (axis: number, at: number): void => {
    if (axis === x.ndim) return void visible.push(at);
    for (const i of positions[axis]!) if (i >= 0) visit(axis + 1, at * x.shape[axis]! + i);
  };
  visit(0, 0);
  const { width, text } = cellsOf(x, data, visible);
  const prefix = "tensor(";

  const row = (at: number, indent: number): string => {
    const cells = positions[x.ndim - 1]!.map((i) =>
      i < 0 ? "..." : text(at * x.shape[x.ndim - 1]! + i),
    );
    const perLine = Math.max(1, Math.floor((lineWidth - indent) / (width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < cells.length; i += perLine) {
      lines.push(cells.slice(i, i + perLine).join(", "));
    }
    return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
  };
  const block = (axis: number, at: number, indent: number): string => {
    if (x.ndim === 0) return text(0);
    if (axis === x.ndim - 1) return row(at, indent);
    const parts = positions[axis]!.map((i) =>
      i < 0 ? "..." : block(axis + 1, at * x.shape[axis]! + i, indent + 1),
    );
    return `[${parts.join(`,${"\n".repeat(x.ndim - 1 - axis)}${" ".repeat(indent + 1)}`)}]`;
  };
  return `${prefix}${block(0, 0, prefix.length)}${suffix})`;
}

const usualDTypes = new Set(["float32", "complex64", "bool", "int64"]);

/** What differs from the defaults: dtype, device, gradient. */
function suffixOf(x: Tensor): string {
  const usual = usualDTypes.has(x.dtype);
  const dtype = usual && x.size > 0 ? "" : `, dtype=${x.dtype}`;
  const grad =
    x.node === undefined ? "" : x.node.isLeaf ? ", requiresGrad=true" : `, from=${x.node.name}`;
  return dtype + grad;
}
