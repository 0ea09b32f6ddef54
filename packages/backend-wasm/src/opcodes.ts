// WebAssembly's instructions by their names in the text format. Prefixed ones carry the prefix above
// bit 16. The encoder (encoder.ts) writes them; only instructions that kernels use stand here.

const misc = 0xfc0000;
const simd = 0xfd0000;
const atomic = 0xfe0000;

/** Instructions without immediates. */
export const plainOpcodes = {
  unreachable: 0x00, nop: 0x01, return: 0x0f, drop: 0x1a, select: 0x1b,
  "i32.eqz": 0x45, "i32.eq": 0x46, "i32.ne": 0x47, "i32.lt_s": 0x48, "i32.lt_u": 0x49,
  "i32.gt_s": 0x4a, "i32.gt_u": 0x4b, "i32.le_s": 0x4c, "i32.le_u": 0x4d, "i32.ge_s": 0x4e,
  "i32.ge_u": 0x4f,
  "i64.eqz": 0x50, "i64.eq": 0x51, "i64.ne": 0x52, "i64.lt_s": 0x53, "i64.lt_u": 0x54,
  "i64.gt_s": 0x55, "i64.gt_u": 0x56, "i64.le_s": 0x57, "i64.le_u": 0x58, "i64.ge_s": 0x59,
  "i64.ge_u": 0x5a,
  "f32.eq": 0x5b, "f32.ne": 0x5c, "f32.lt": 0x5d, "f32.gt": 0x5e, "f32.le": 0x5f, "f32.ge": 0x60,
  "f64.eq": 0x61, "f64.ne": 0x62, "f64.lt": 0x63, "f64.gt": 0x64, "f64.le": 0x65, "f64.ge": 0x66,
  "i32.clz": 0x67, "i32.ctz": 0x68, "i32.popcnt": 0x69, "i32.add": 0x6a, "i32.sub": 0x6b,
  "i32.mul": 0x6c, "i32.div_s": 0x6d, "i32.div_u": 0x6e, "i32.rem_s": 0x6f, "i32.rem_u": 0x70,
  "i32.and": 0x71, "i32.or": 0x72, "i32.xor": 0x73, "i32.shl": 0x74, "i32.shr_s": 0x75,
  "i32.shr_u": 0x76,
  "i64.add": 0x7c, "i64.sub": 0x7d, "i64.mul": 0x7e, "i64.div_s": 0x7f, "i64.div_u": 0x80,
  "i64.rem_s": 0x81, "i64.rem_u": 0x82, "i64.and": 0x83, "i64.or": 0x84, "i64.xor": 0x85,
  "i64.shl": 0x86, "i64.shr_s": 0x87, "i64.shr_u": 0x88,
  "f32.abs": 0x8b, "f32.neg": 0x8c, "f32.ceil": 0x8d, "f32.floor": 0x8e, "f32.trunc": 0x8f,
  "f32.nearest": 0x90, "f32.sqrt": 0x91, "f32.add": 0x92, "f32.sub": 0x93, "f32.mul": 0x94,
  "f32.div": 0x95, "f32.min": 0x96, "f32.max": 0x97, "f32.copysign": 0x98,
  "f64.abs": 0x99, "f64.neg": 0x9a, "f64.ceil": 0x9b, "f64.floor": 0x9c, "f64.trunc": 0x9d,
  "f64.nearest": 0x9e, "f64.sqrt": 0x9f, "f64.add": 0xa0, "f64.sub": 0xa1, "f64.mul": 0xa2,
  "f64.div": 0xa3, "f64.min": 0xa4, "f64.max": 0xa5, "f64.copysign": 0xa6,
  "i32.wrap_i64": 0xa7, "i64.extend_i32_s": 0xac, "i64.extend_i32_u": 0xad,
  "f32.convert_i32_s": 0xb2, "f32.convert_i32_u": 0xb3, "f32.convert_i64_s": 0xb4,
  "f32.demote_f64": 0xb6, "f64.convert_i32_s": 0xb7, "f64.convert_i32_u": 0xb8,
  "f64.convert_i64_s": 0xb9, "f64.promote_f32": 0xbb, "i32.reinterpret_f32": 0xbc,
  "i64.reinterpret_f64": 0xbd, "f32.reinterpret_i32": 0xbe, "f64.reinterpret_i64": 0xbf,
  "i32.trunc_sat_f32_s": misc + 0, "i32.trunc_sat_f64_s": misc + 2, "i64.trunc_sat_f32_s": misc + 4,
  "i64.trunc_sat_f64_s": misc + 6,

  "i8x16.swizzle": simd + 14, "i8x16.splat": simd + 15, "i16x8.splat": simd + 16,
  "i32x4.splat": simd + 17, "i64x2.splat": simd + 18, "f32x4.splat": simd + 19,
  "f64x2.splat": simd + 20,
  "i8x16.eq": simd + 35, "i8x16.ne": simd + 36,
  "i32x4.eq": simd + 55, "i32x4.ne": simd + 56, "i32x4.lt_s": simd + 57, "i32x4.lt_u": simd + 58,
  "i32x4.gt_s": simd + 59, "i32x4.gt_u": simd + 60, "i32x4.le_s": simd + 61, "i32x4.le_u": simd + 62,
  "i32x4.ge_s": simd + 63, "i32x4.ge_u": simd + 64,
  "f32x4.eq": simd + 65, "f32x4.ne": simd + 66, "f32x4.lt": simd + 67, "f32x4.gt": simd + 68,
  "f32x4.le": simd + 69, "f32x4.ge": simd + 70,
  "f64x2.eq": simd + 71, "f64x2.ne": simd + 72, "f64x2.lt": simd + 73, "f64x2.gt": simd + 74,
  "f64x2.le": simd + 75, "f64x2.ge": simd + 76,
  "v128.not": simd + 77, "v128.and": simd + 78, "v128.andnot": simd + 79, "v128.or": simd + 80,
  "v128.xor": simd + 81, "v128.bitselect": simd + 82, "v128.any_true": simd + 83,
  "f32x4.demote_f64x2_zero": simd + 94, "f64x2.promote_low_f32x4": simd + 95,
  "i8x16.neg": simd + 97, "i8x16.narrow_i16x8_s": simd + 101, "i8x16.narrow_i16x8_u": simd + 102,
  "f32x4.ceil": simd + 103, "f32x4.floor": simd + 104, "f32x4.trunc": simd + 105,
  "f32x4.nearest": simd + 106, "i8x16.add": simd + 110, "i8x16.sub": simd + 113,
  "f64x2.ceil": simd + 116, "f64x2.floor": simd + 117, "f64x2.trunc": simd + 122,
  "f64x2.nearest": simd + 148,
  "i16x8.narrow_i32x4_s": simd + 133, "i16x8.narrow_i32x4_u": simd + 134,
  "i16x8.extend_low_i8x16_s": simd + 135, "i16x8.extend_high_i8x16_s": simd + 136,
  "i16x8.extend_low_i8x16_u": simd + 137, "i16x8.extend_high_i8x16_u": simd + 138,
  "i16x8.add": simd + 142, "i16x8.sub": simd + 145, "i16x8.mul": simd + 149,
  "i32x4.abs": simd + 160, "i32x4.neg": simd + 161, "i32x4.all_true": simd + 163,
  "i32x4.bitmask": simd + 164,
  "i32x4.extend_low_i16x8_s": simd + 167, "i32x4.extend_high_i16x8_s": simd + 168,
  "i32x4.extend_low_i16x8_u": simd + 169, "i32x4.extend_high_i16x8_u": simd + 170,
  "i32x4.shl": simd + 171, "i32x4.shr_s": simd + 172, "i32x4.shr_u": simd + 173,
  "i32x4.add": simd + 174, "i32x4.sub": simd + 177, "i32x4.mul": simd + 181,
  "i32x4.min_s": simd + 182, "i32x4.min_u": simd + 183, "i32x4.max_s": simd + 184,
  "i32x4.max_u": simd + 185,
  "i64x2.neg": simd + 193, "i64x2.extend_low_i32x4_s": simd + 199,
  "i64x2.extend_high_i32x4_s": simd + 200, "i64x2.shl": simd + 203, "i64x2.shr_s": simd + 204,
  "i64x2.shr_u": simd + 205, "i64x2.add": simd + 206, "i64x2.sub": simd + 209,
  "i64x2.mul": simd + 213, "i64x2.eq": simd + 214, "i64x2.ne": simd + 215,
  "f32x4.abs": simd + 224, "f32x4.neg": simd + 225, "f32x4.sqrt": simd + 227,
  "f32x4.add": simd + 228, "f32x4.sub": simd + 229, "f32x4.mul": simd + 230, "f32x4.div": simd + 231,
  "f32x4.min": simd + 232, "f32x4.max": simd + 233, "f32x4.pmin": simd + 234, "f32x4.pmax": simd + 235,
  "f64x2.abs": simd + 236, "f64x2.neg": simd + 237, "f64x2.sqrt": simd + 239,
  "f64x2.add": simd + 240, "f64x2.sub": simd + 241, "f64x2.mul": simd + 242, "f64x2.div": simd + 243,
  "f64x2.min": simd + 244, "f64x2.max": simd + 245, "f64x2.pmin": simd + 246, "f64x2.pmax": simd + 247,
  "i32x4.trunc_sat_f32x4_s": simd + 248, "i32x4.trunc_sat_f32x4_u": simd + 249,
  "f32x4.convert_i32x4_s": simd + 250, "f32x4.convert_i32x4_u": simd + 251,
  "i32x4.trunc_sat_f64x2_s_zero": simd + 252, "f64x2.convert_low_i32x4_s": simd + 254,
  "f32x4.relaxed_madd": simd + 0x105, "f32x4.relaxed_nmadd": simd + 0x106,
  "f64x2.relaxed_madd": simd + 0x107, "f64x2.relaxed_nmadd": simd + 0x108,
} as const; // prettier-ignore

/** Instructions with a memory address on the stack and an offset immediate. */
export const memoryOpcodes = {
  "i32.load": 0x28, "i64.load": 0x29, "f32.load": 0x2a, "f64.load": 0x2b, "i32.load8_s": 0x2c,
  "i32.load8_u": 0x2d, "i32.load16_s": 0x2e, "i32.load16_u": 0x2f,
  "i32.store": 0x36, "i64.store": 0x37, "f32.store": 0x38, "f64.store": 0x39, "i32.store8": 0x3a,
  "i32.store16": 0x3b,
  "v128.load": simd + 0, "v128.load8x8_s": simd + 1, "v128.load8x8_u": simd + 2,
  "v128.load16x4_s": simd + 3, "v128.load16x4_u": simd + 4, "v128.load32x2_s": simd + 5,
  "v128.load32x2_u": simd + 6, "v128.load8_splat": simd + 7, "v128.load16_splat": simd + 8,
  "v128.load32_splat": simd + 9, "v128.load64_splat": simd + 10, "v128.store": simd + 11,
  "v128.load32_zero": simd + 92, "v128.load64_zero": simd + 93,
  "memory.atomic.notify": atomic + 0x00, "memory.atomic.wait32": atomic + 0x01,
  "i32.atomic.load": atomic + 0x10, "i32.atomic.store": atomic + 0x17,
  "i32.atomic.rmw.add": atomic + 0x1e, "i32.atomic.rmw.cmpxchg": atomic + 0x48,
} as const; // prettier-ignore

/** Instructions with a lane number. */
export const laneOpcodes = {
  "i8x16.extract_lane_s": simd + 21, "i8x16.extract_lane_u": simd + 22, "i8x16.replace_lane": simd + 23,
  "i16x8.extract_lane_s": simd + 24, "i16x8.extract_lane_u": simd + 25, "i16x8.replace_lane": simd + 26,
  "i32x4.extract_lane": simd + 27, "i32x4.replace_lane": simd + 28,
  "i64x2.extract_lane": simd + 29, "i64x2.replace_lane": simd + 30,
  "f32x4.extract_lane": simd + 31, "f32x4.replace_lane": simd + 32,
  "f64x2.extract_lane": simd + 33, "f64x2.replace_lane": simd + 34,
} as const; // prettier-ignore

/** Instructions with an address and a vector on the stack, an offset and a lane number. */
export const memoryLaneOpcodes = {
  "v128.load8_lane": simd + 84, "v128.load16_lane": simd + 85, "v128.load32_lane": simd + 86,
  "v128.load64_lane": simd + 87, "v128.store8_lane": simd + 88, "v128.store16_lane": simd + 89,
  "v128.store32_lane": simd + 90, "v128.store64_lane": simd + 91,
} as const; // prettier-ignore

export type PlainOpcode = keyof typeof plainOpcodes;
export type MemoryOpcode = keyof typeof memoryOpcodes;
export type LaneOpcode = keyof typeof laneOpcodes;
export type MemoryLaneOpcode = keyof typeof memoryLaneOpcodes;
