// `flambeau/optim`: Optimizers and schedules.
import "./backends.ts";

export * from "@flambeau/optim";
