// Modules that hold modules. Arrays and plain objects in fields do as well.
import { FlambeauError, type Tensor } from "@flambeau/core";
import { Module, type TensorModule } from "../module.ts";
import { walked } from "../walk.ts";

/** Applies modules one after another. Their names are `0`, `1`, …. `torch.nn.Sequential`. */
export class Sequential extends Module implements Iterable<TensorModule> {
  readonly [position: number]: TensorModule;
  readonly #layers: readonly TensorModule[];

  constructor(...layers: TensorModule[]) {
    super();
    Object.assign(this, layers);
    this.#layers = layers;
  }

  override get length(): number {
    return this.#layers.length;
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (let i = 0; i < this.length; i++) y = this[i]!(y);
    return y;
  }

  *[Symbol.iterator](): Generator<TensorModule> {
    for (let i = 0; i < this.length; i++) yield this[i]!;
  }
}

/** An array of modules that is a module; `forward` is yours to write. `torch.nn.ModuleList`. */
export class ModuleList<M extends Module = TensorModule> extends Module implements Iterable<M> {
  readonly [position: number]: M;
  #length = 0;

  constructor(modules: Iterable<M> = []) {
    super();
    for (const module of modules) this.push(module);
  }

  override get length(): number {
    return this.#length;
  }

  push(module: M): this {
    return Object.assign(this, { [this.#length++]: module });
  }

  forward(): never {
    throw notCallable("ModuleList");
  }

  *[Symbol.iterator](): Generator<M> {
    for (let i = 0; i < this.#length; i++) yield this[i]!;
  }
}

/** Modules by name. `torch.nn.ModuleDict`. */
export class ModuleDict<M extends Module = TensorModule> extends Module {
  readonly #modules: Record<string, M> = {};

  constructor(modules: { readonly [name: string]: M } = {}) {
    super();
    Object.assign(this.#modules, modules);
  }

  override [walked](): object {
    return this.#modules;
  }

  get(name: string): M {
    const found = this.#modules[name];
    if (found !== undefined) return found;
    throw new FlambeauError(
      `ModuleDict: no module ${JSON.stringify(name)}. It has ${Object.keys(this.#modules).join(", ")}.`,
    );
  }

  set(name: string, module: M): this {
    this.#modules[name] = module;
    return this;
  }

  keys(): string[] {
    return Object.keys(this.#modules);
  }

  values(): M[] {
    return Object.values(this.#modules);
  }

  entries(): [string, M][] {
    return Object.entries(this.#modules);
  }

  forward(): never {
    throw notCallable("ModuleDict");
  }
}

const notCallable = (name: string): FlambeauError =>
  new FlambeauError(
    `${name}: it only holds modules and has no forward of its own. Call the modules in it, or use ` +
      `Sequential.`,
  );
