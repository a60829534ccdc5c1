// Tells the runner where a peer listens, and ends the peer with the runner.
// Standard input is the lifeline: it closes whenever the runner ends, however it ends, so no peer outlives its run.
"use strict";

module.exports = function ready(port, version) {
    process.stdin.resume();
    process.stdin.on("close", () => process.exit(0));
    process.stdout.write(JSON.stringify({ port, version }) + "\n");
};
