// An OPC UA server on the node-opcua package, with or without the DI nodeset and one device in its DeviceSet.
// Argument, JSON: {"pki": "<folder>", "build": {"productName": "<text>", …}} and, optional,
// {"device": {"<DI property>": "<text>"}, "mode": "SignAndEncrypt", "policy": "Basic256Sha256", "user": "anonymous"}
// It offers this mode with this policy and nothing else, and lets in this kind of user and no other: "anonymous", "password" or
// "certificate". In a mode that is not "None", clients that are not in <folder>/trusted/certs are rejected.
"use strict";

console.log = console.error; // the package talks on standard output, which belongs to the runner

const net = require("net");
const opcua = require("node-opcua");
const ready = require("./ready");

const { pki, build, device, mode = "None", policy = "None", user = "anonymous" } = JSON.parse(process.argv[2]);
const [NAME, PASSWORD] = ["nameplate-reader", "Zwölf Boxkämpfer"]; // as in tests/peers/users.py; not ASCII on purpose
const DI = "http://opcfoundation.org/UA/DI/";

function options(port) {
    return {
        port,
        host: "127.0.0.1",
        hostname: "127.0.0.1",
        resourcePath: "/press",
        securityModes: [opcua.MessageSecurityMode[mode]],
        securityPolicies: [opcua.SecurityPolicy[policy]],
        allowAnonymous: user === "anonymous",
        userManager: { isValidUser: (name, password) => user === "password" && name === NAME && password === PASSWORD },
        userCertificateManager: new opcua.OPCUACertificateManager({
            rootFolder: `${pki}-users`,
            automaticallyAcceptUnknownCertificate: user === "certificate",
        }),
        disableDiscovery: false,
        nodeset_filename: device ? [opcua.nodesets.standard, opcua.nodesets.di] : [opcua.nodesets.standard],
        serverCertificateManager: new opcua.OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: false }),
        serverInfo: { applicationUri: "urn:127.0.0.1:press", productUri: build.productUri, applicationName: { text: "Press" } },
        buildInfo: { ...build, buildDate: new Date("2026-01-31T00:00:00Z") },
    };
}

function addDevice(addressSpace) {
    const di = addressSpace.getNamespaceIndex(DI);
    const plant = addressSpace.registerNamespace("urn:127.0.0.1:press:devices");
    const deviceSet = addressSpace.findNode(`ns=${di};i=5001`);
    const type = plant.addObjectType({ browseName: "PressType", subtypeOf: addressSpace.findObjectType("DeviceType", di) });
    const node = type.instantiate({ browseName: "Press7", componentOf: deviceSet, optionals: Object.keys(device), namespace: plant });
    for (const [name, text] of Object.entries(device)) {
        const property = node.getPropertyByName(name, di);
        const localized = property.dataType.value === opcua.DataType.LocalizedText;
        property.setValueFromSource(localized ? { dataType: "LocalizedText", value: { locale: "en", text } } : { dataType: "String", value: text });
    }
}

// The package writes its port into its endpoint addresses before it listens, so it cannot be left to choose one.
function freePort() {
    return new Promise((resolve) => {
        const probe = net.createServer().listen(0, "127.0.0.1", () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

async function main() {
    const port = await freePort();
    const server = new opcua.OPCUAServer(options(port));
    await server.initialize();
    if (device) addDevice(server.engine.addressSpace);
    await server.start();
    ready(port, require("node-opcua/package.json").version);
}

main();
