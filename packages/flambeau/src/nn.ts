// `flambeau/nn`: Layers, losses and initialisers as classes.
import "./backends.ts";

export * from "@flambeau/nn";
