// File formats that other programs read and write; one folder each.
export {
  type LoadOptions, type SafetensorsFile, loadSafetensors, readSafetensors,
} from "./safetensors/read.ts"; // prettier-ignore
export { type WriteOptions, saveSafetensors, writeSafetensors } from "./safetensors/write.ts";
export {
  type SafetensorsEntry, type SafetensorsHeader, readSafetensorsHeader,
} from "./safetensors/header.ts"; // prettier-ignore
export { type FileReader, openFile, readWholeFile, writeFileAtomically } from "./node-file.ts";
