// SPDX-License-Identifier: Apache-2.0
// Plays random scenarios between build/tests/mls_peer and ts-mls (docs/decisions/0030-ts-mls.md).
//
//     node run.mjs --peer PROGRAM [--seed N] [--runs N] [--verbose]
//
// Seeds are N, N + 1, …; without --seed the first is random. A failure prints the seed that plays it again.
import { parseArgs } from "node:util";

import { EPOCHS, Scenario } from "./scenario.mjs";

const { values: options } = parseArgs({
    options: {
        peer: { type: "string" },
        seed: { type: "string" },
        runs: { type: "string", default: "1" },
        verbose: { type: "boolean", default: false },
    },
});
if (!options.peer) throw new Error("--peer PROGRAM is missing");

const first = options.seed !== undefined ? BigInt(options.seed) : BigInt(Math.floor(Math.random() * 2 ** 32));
for (let i = 0n; i < BigInt(options.runs); i++) {
    const seed = first + i;
    const started = Date.now();
    const lines = [];
    const scenario = new Scenario(seed, options.peer, (line) => (options.verbose ? console.log(line) : lines.push(line)));
    try {
        await scenario.play();
    } catch (error) {
        console.log(lines.join("\n"));
        console.log(`FAILED in epoch ${scenario.epoch}; play it again with --seed ${seed}`);
        console.log(error);
        process.exit(1);
    }
    await scenario.end();
    console.log(`seed ${seed}: ${EPOCHS} epochs in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    for (const [what, count] of Object.entries(scenario.counts)) console.log(`  ${what} ${count}`);
}
