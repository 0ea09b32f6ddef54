// The only file of this package that touches a disk. Everything else turns bytes into tensors and
// back, in Node and in browsers.
import type * as fileSystemModule from "node:fs/promises";
import { FormatError } from "@flambeau/core";

type FileSystem = typeof fileSystemModule;
type FileHandle = fileSystemModule.FileHandle;

/** One read or write asks for no more: Node refuses 2 GiB and above. */
const largestTransfer = 2 ** 30;

async function fileSystem(format: string): Promise<FileSystem> {
  try {
    return await import("node:fs/promises");
  } catch {
    throw new FormatError(
      `${format}: paths need Node. In a browser, fetch the bytes and read those.`,
    );
  }
}

/** A file whose size is known and whose parts are read one by one. */
export interface FileReader {
  readonly size: number;
  /** Exactly `length` bytes from `position`. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

const reasons: Record<string, string> = {
  ENOENT: "no such file. Check the path, which is relative to the current folder",
  EACCES: "permission denied",
  EISDIR: "it is a folder, a file was expected",
};

function unreadable(format: string, path: string, error: unknown): FormatError {
  const { code = "", message } = error as { code?: string; message: string };
  const reason = reasons[code] ?? message;
  return new FormatError(`${format}: cannot open ${path}: ${reason}.`, { cause: error });
}

/** Opens a regular file. `format` starts the messages of errors. */
export async function openFile(format: string, path: string): Promise<FileReader> {
  const fs = await fileSystem(format);
  let handle: FileHandle;
  try {
    handle = await fs.open(path, "r");
  } catch (error) {
    throw unreadable(format, path, error);
  }
  const status = await handle.stat();
  if (!status.isFile()) {
    await handle.close();
    const kind = status.isDirectory() ? reasons.EISDIR : "it is not a regular file";
    throw new FormatError(`${format}: cannot open ${path}: ${kind}.`);
  }
  return {
    size: status.size,
    close: () => handle.close(),
    async read(position, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const want = Math.min(length - done, largestTransfer);
        const { bytesRead } = await handle.read(bytes, done, want, position + done);
        if (bytesRead === 0) {
          throw new FormatError(`${format}: ${path} became shorter while it was read.`);
        }
        done += bytesRead;
      }
      return bytes;
    },
  };
}

/** All bytes of a file. */
export async function readWholeFile(
  format: string,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openFile(format, path);
  try {
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
}

let temporaryCount = 0;

/**
 * Replaces `path` by a file of these parts, or leaves it as it was: the parts go to a temporary file
 * beside it, which is flushed to the disk and then renamed. Half a file is never seen under `path`.
 */
export async function writeFileAtomically(
  format: string,
  path: string,
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const fs = await fileSystem(format);
  const temporary = `${path}.${process.pid}-${temporaryCount++}.tmp`;
  let handle: FileHandle;
  try {
    handle = await fs.open(temporary, "wx");
  } catch (error) {
    throw unreadable(format, temporary, error);
  }
  try {
    for await (const part of parts) await writeAll(handle, part);
    await handle.sync();
    await handle.close();
    await fs.rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(fs, path);
}

async function writeAll(handle: FileHandle, part: Uint8Array): Promise<void> {
  for (let done = 0; done < part.length;) {
    const { bytesWritten } = await handle.write(
      part,
      done,
      Math.min(part.length - done, largestTransfer),
    );
    done += bytesWritten;
  }
}

/** The new name survives a power cut only once its folder is flushed; not every system allows it. */
async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  const { dirname } = await import("node:path");
  try {
    const folder = await fs.open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows cannot open folders; the file itself is safe.
  }
}
