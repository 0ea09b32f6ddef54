// The methods that ops become: their first operand is `this`.
import type { MethodOf } from "./define.ts";
import type * as functions from "./functions.ts";
import type * as ops from "./index.ts";

type Ops = Omit<typeof ops, keyof typeof functions>;

export type TensorMethods = { readonly [K in keyof Ops]: MethodOf<Ops[K]> };
