// Tensors to safetensors, byte for byte as the format's first implementation writes them: largest
// elements first, then by name, so that every tensor is aligned.
import { FormatError, type Tensor } from "@flambeau/core";
import { writeFileAtomically } from "../node-file.ts";
import { formatNames, headerLimit, prefixSize } from "./header.ts";

export interface WriteOptions {
  /** Free text about the file, under `__metadata__`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Plan {
  /** Length prefix and header. */
  readonly head: Uint8Array;
  /** Own handles: a variable that changes while the file is written does not change the file. */
  readonly tensors: readonly Tensor[];
  readonly dataSize: number;
}

/** Element types from the widest down, as the format orders them. */
const order = [...formatNames.keys()];

const encodeJson = (fields: readonly (readonly [string, unknown])[]): string =>
  `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function plan(tensors: Readonly<Record<string, Tensor>>, { metadata }: WriteOptions): Plan {
  const named = Object.entries(tensors).sort(
    ([nameA, a], [nameB, b]) =>
      order.indexOf(a.dtype) - order.indexOf(b.dtype) || byCodeUnits(nameA, nameB),
  );
  const fields: [string, unknown][] = [];
  if (metadata !== undefined && Object.keys(metadata).length > 0) {
    for (const [key, value] of Object.entries(metadata)) {
      if (typeof value === "string") continue;
      throw new FormatError(
        `safetensors: metadata holds strings only; ${JSON.stringify(key)} is a ${typeof value}. ` +
          `Use JSON.stringify.`,
      );
    }
    fields.push(["__metadata__", metadata]);
  }
  let dataSize = 0;
  for (const [name, { dtype, shape, size }] of named) {
    if (name === "__metadata__") {
      throw new FormatError(
        `safetensors: "__metadata__" is reserved; give the tensor another name.`,
      );
    }
    const format = formatNames.get(dtype);
    if (format === undefined) {
      throw new FormatError(
        `safetensors: the format has no ${dtype}, which tensor ${JSON.stringify(name)} is. Convert it ` +
          `before saving.`,
      );
    }
    const end = dataSize + size * format.bytes;
    fields.push([name, { dtype: format.name, shape, data_offsets: [dataSize, end] }]);
    dataSize = end;
  }
  const text = new TextEncoder().encode(encodeJson(fields));
  const length = Math.ceil(text.length / 8) * 8;
  if (length > headerLimit) {
    throw new FormatError(
      `safetensors: the header takes ${length} bytes; at most ${headerLimit} are allowed. Store ` +
        `fewer tensors or less metadata in one file.`,
    );
  }
  const head = new Uint8Array(prefixSize + length).fill(0x20); // padded with spaces
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(text, prefixSize);
  return { head, tensors: named.map(([, one]) => one.withoutHistory()), dataSize };
}

async function* partsOf({ head, tensors }: Plan): AsyncIterable<Uint8Array> {
  try {
    yield head;
    for (const one of tensors) {
      yield await one.bytes();
    }
  } finally {
    for (const one of tensors) one.dispose();
  }
}

/** The bytes of a safetensors file. */
export async function writeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  options: WriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const planned = plan(tensors, options);
  const file = new Uint8Array(planned.head.length + planned.dataSize);
  let at = 0;
  for await (const part of partsOf(planned)) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Writes a safetensors file so that `path` holds either the old content or all of the new (Node). */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomically("safetensors", path, partsOf(plan(tensors, options)));
}
