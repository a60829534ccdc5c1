// A Modbus device on the jsmodbus package, over TCP or as RTU frames inside a TCP connection.
// Argument, JSON, each key optional: {"rtu": true, "registers": {"<address>": <word>}, "objects": {"<object id>": "<text>"}}
"use strict";

const net = require("net");
const modbus = require("jsmodbus");
const ready = require("./ready");

const REGISTERS = 0x10000; // the whole address space: a read beyond the buffer is answered short, not refused
const CONFORMITY = 0x82; // regular stream and individual access

const { rtu = false, registers = {}, objects } = JSON.parse(process.argv[2]);
const holding = Buffer.alloc(2 * REGISTERS);
for (const [address, word] of Object.entries(registers)) holding.writeUInt16BE(word, 2 * Number(address));

const Response = rtu ? modbus.ModbusRTUResponse : modbus.ModbusTCPResponse;

function identify(device) {
    const all = Object.entries(objects).map(([id, text]) => ({ id: Number(id), value: Buffer.from(text) }));
    device.on("readDeviceIdentification", (request, reply) => {
        const { ReadDeviceIdentificationResponseBody } = modbus.responses;
        const body = new ReadDeviceIdentificationResponseBody(request.body.readDeviceIdCode, CONFORMITY, 0, 0, all);
        reply(Response.fromRequest(request, body).createPayload());
    });
}

const listener = net.createServer((connection) => {
    connection.on("error", () => {});
    // As TCP the package takes over the connection itself; as RTU it wants to be handed a line, which this connection is.
    if (rtu) serve(new modbus.server.RTU(connection, { holding }));
});
if (!rtu) serve(new modbus.server.TCP(listener, { holding }));

function serve(device) {
    if (objects) identify(device);
}

listener.listen(0, "127.0.0.1", () => ready(listener.address().port, require("jsmodbus/package.json").version));
