/** @module The checksum of output descriptors. */

/** The characters that a descriptor may have, in the order that its checksum gives them. */
const INPUT_CHARSET =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
const CHECKSUM_CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CHECKSUM_LENGTH = 8
/** The code's generator: five numbers of 40 bits, each as its upper and its lower 20. */
const GENERATOR: readonly (readonly [number, number])[] = [
  [0xf5dee, 0x51989],
  [0xa9fdc, 0xa3312],
  [0x1bab1, 0x0e32d],
  [0x3706b, 0x1677a],
  [0x644d6, 0x26ffd],
]
const LOW_15_BITS = 0x7fff

/** The checksum's state: 40 bits in two halves, so that plain numbers do. */
class ChecksumState {
  #high = 0
  #low = 1

  /** Takes one symbol of five bits. */
  add(symbol: number): void {
    const top = this.#high >>> 15
    this.#high = ((this.#high & LOW_15_BITS) << 5) | (this.#low >>> 15)
    this.#low = ((this.#low & LOW_15_BITS) << 5) ^ symbol
    for (const [i, [high, low]] of GENERATOR.entries()) {
      if (((top >>> i) & 1) === 0) continue
      this.#high ^= high
      this.#low ^= low
    }
  }

  finish(): string {
    for (let i = 0; i < CHECKSUM_LENGTH; i++) this.add(0)
    const halves = [this.#high, this.#low ^ 1]
    return halves
      .flatMap((half) => [15, 10, 5, 0].map((shift) => CHECKSUM_CHARSET[(half >>> shift) & 31]))
      .join('')
  }
}

/**
 * Appends its checksum to a descriptor.
 *
 * @param descriptor - Of characters that descriptors may have.
 * @see BIP-0380, "Checksum"
 */
export function withDescriptorChecksum(descriptor: string): string {
  const state = new ChecksumState()
  let group = 0
  let groupSize = 0
  for (const char of descriptor) {
    const position = INPUT_CHARSET.indexOf(char)
    state.add(position & 31)
    group = group * 3 + (position >>> 5)
    if (++groupSize === 3) {
      state.add(group)
      group = 0
      groupSize = 0
    }
  }
  if (groupSize > 0) state.add(group)
  return `${descriptor}#${state.finish()}`
}
