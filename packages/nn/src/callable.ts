// Objects that can be called: `model(x)`. JavaScript lets a constructor return another object, and
// class fields, private ones included, are then defined on that object: here, on a function.

/** Names the method that a call runs. */
export const invoke = Symbol("invoke");

/** Base of classes whose instances are functions. */
export abstract class Callable {
  constructor() {
    const self = (...inputs: unknown[]): unknown => (self as unknown as Callable)[invoke](inputs);
    // Functions have these of their own; a subclass may want fields of the same names.
    Reflect.deleteProperty(self, "name");
    Reflect.deleteProperty(self, "length");
    return Object.setPrototypeOf(self, new.target.prototype);
  }

  /** @internal */
  abstract [invoke](inputs: unknown[]): unknown;
}
