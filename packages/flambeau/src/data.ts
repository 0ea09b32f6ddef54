// `flambeau/data`: Data sets and loaders.
import "./backends.ts";

export * from "@flambeau/data";
