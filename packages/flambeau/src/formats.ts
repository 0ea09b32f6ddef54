// `flambeau/formats`: File formats.
import "./backends.ts";

export * from "@flambeau/formats";
