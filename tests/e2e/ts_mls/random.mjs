// SPDX-License-Identifier: Apache-2.0
// Choices from a seed (splitmix64): the same seed plays the same scenario. Keys are not made of it.

const MASK = (1n << 64n) - 1n;

export class Random {
    constructor(seed) {
        this.state = BigInt(seed) & MASK;
    }

    next() {
        this.state = (this.state + 0x9e3779b97f4a7c15n) & MASK;
        let z = this.state;
        z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
        z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
        return z ^ (z >> 31n);
    }

    /** A whole number below `bound`. */
    below(bound) {
        return Number(this.next() % BigInt(bound));
    }

    /** True once in `n` calls. */
    oneIn(n) {
        return this.below(n) === 0;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /** A new list in random order. */
    shuffled(list) {
        const out = [...list];
        for (let i = out.length - 1; i > 0; i--) {
            const j = this.below(i + 1);
            [out[i], out[j]] = [out[j], out[i]];
        }
        return out;
    }

    bytes(length) {
        return Uint8Array.from({ length }, () => this.below(256));
    }
}
