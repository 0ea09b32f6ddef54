// Safetensors to tensors: from bytes, or from a file one tensor at a time. What a file may claim is
// checked in header.ts.
import { type Device, type Tensor, defaultDevice, device } from "@flambeau/core";
import { fromBytes } from "@flambeau/core/extension";
import { type FileReader, openFile } from "../node-file.ts";
import {
  type SafetensorsHeader,
  headerLength,
  parseHeader,
  prefixSize,
  readSafetensorsHeader,
} from "./header.ts";

export interface LoadOptions {
  /** Where the tensors go; the default device if left out. */
  readonly device?: Device | string;
}

export interface SafetensorsFile {
  readonly tensors: Record<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The device, once it is known to have every dtype of the file. */
function targetOf(header: SafetensorsHeader, options: LoadOptions): Device {
  const { device: wanted } = options;
  const target = wanted === undefined ? defaultDevice() : typeof wanted === "string" ? device(wanted) : wanted; // prettier-ignore
  for (const { dtype } of header.entries) target.requireDType(dtype);
  return target;
}

/** The tensors of a safetensors file in memory. Bad files throw a FormatError before any allocation. */
export function readSafetensors(bytes: Uint8Array, options: LoadOptions = {}): SafetensorsFile {
  const header = readSafetensorsHeader(bytes);
  const target = targetOf(header, options);
  const tensors = header.entries.map((entry): [string, Tensor] => {
    const from = header.dataStart;
    return [
      entry.name,
      fromBytes(
        bytes.subarray(from + entry.begin, from + entry.end),
        entry.shape,
        entry.dtype,
        target,
      ),
    ];
  });
  return { tensors: Object.fromEntries(tensors), metadata: header.metadata };
}

async function readHeader(file: FileReader): Promise<SafetensorsHeader> {
  const prefix = await file.read(0, Math.min(prefixSize, file.size));
  const length = headerLength(prefix, file.size);
  const dataSize = file.size - prefixSize - length;
  return parseHeader(await file.read(prefixSize, length), dataSize);
}

/** The tensors of a safetensors file on disk, read one at a time (Node). */
export async function loadSafetensors(
  path: string,
  options: LoadOptions = {},
): Promise<SafetensorsFile> {
  const file = await openFile("safetensors", path);
  try {
    const header = await readHeader(file);
    const target = targetOf(header, options);
    const tensors: [string, Tensor][] = [];
    for (const entry of header.entries) {
      const bytes = await file.read(header.dataStart + entry.begin, entry.end - entry.begin);
      tensors.push([entry.name, fromBytes(bytes, entry.shape, entry.dtype, target)]);
    }
    return { tensors: Object.fromEntries(tensors), metadata: header.metadata };
  } finally {
    await file.close();
  }
}
