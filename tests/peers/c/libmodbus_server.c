/* A Modbus TCP device on libmodbus: it serves holding registers, and everything else is answered as the library sees fit.
 *
 * Standard input: one "ADDRESS WORD" a line, then an empty line. Standard output: one line of JSON when it is ready.
 * Standard input is also the lifeline: it closes whenever the runner ends, however it ends, so the device never outlives it.
 */
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { REGISTERS = 0x3000 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void load(modbus_mapping_t *map) {
    char line[64];
    unsigned address, word;
    while (fgets(line, sizeof line, stdin) && sscanf(line, "%u %u", &address, &word) == 2)
        if (address < REGISTERS)
            map->tab_registers[address] = (uint16_t)word;
}

/* Wait until `descriptor` can be read; the process ends when the lifeline does. */
static void wait_for(int descriptor) {
    struct pollfd both[] = {{.fd = descriptor, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(both, 2, -1) > 0 && !both[1].revents)
        if (both[0].revents)
            return;
    exit(0);
}

/* One connection, to its end. A second client waits until then, as it does on many small devices. */
static void serve(modbus_t *context, modbus_mapping_t *map) {
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    int length = 0;
    while (length >= 0) {
        wait_for(modbus_get_socket(context));
        length = modbus_receive(context, request);
        if (length > 0)
            modbus_reply(context, request, length, map);
    }
}

int main(void) {
    modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
    if (!context || !map)
        fail("libmodbus");
    load(map);

    int listener = modbus_tcp_listen(context, 1);
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&here, &size))
        fail("listen");
    printf("{\"port\": %d, \"version\": \"%s\"}\n", ntohs(here.sin_port), LIBMODBUS_VERSION_STRING);
    fflush(stdout);

    for (;;) {
        wait_for(listener);
        if (modbus_tcp_accept(context, &listener) >= 0)
            serve(context, map);
        modbus_close(context);
    }
}
