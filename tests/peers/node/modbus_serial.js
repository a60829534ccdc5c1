// A Modbus TCP device on the modbus-serial package.
// Argument, JSON: {"objects": {"<object id>": "<text>"}}, or {} for a device without identification.
"use strict";

const { ServerTCP } = require("modbus-serial");
const ready = require("./ready");

const { objects } = JSON.parse(process.argv[2]);
const vector = { getHoldingRegister: () => 0 };
if (objects) vector.readDeviceIdentification = () => objects;

// A port of text "0" means any free one; the number 0 is taken for "not given" and becomes 502.
const server = new ServerTCP(vector, { host: "127.0.0.1", port: "0", unitID: 1 });
server.on("initialized", () => ready(server._server.address().port, require("modbus-serial/package.json").version));
server.on("socketError", () => {});
