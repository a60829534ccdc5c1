/* A Modbus RTU device on libmodbus: it serves holding registers and its server id, and everything else as the library sees fit.
 *
 * Arguments: serial port, unit id, then pairs of ADDRESS and WORD. Standard output: "ready" when the port is open. Standard input
 * is the lifeline: it closes whenever the test ends, however it ends, so the device never outlives it.
 */
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

/* Wait until `descriptor` can be read; the process ends when the lifeline does. */
static void wait_for(int descriptor) {
    struct pollfd both[] = {{.fd = descriptor, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(both, 2, -1) > 0 && !both[1].revents)
        if (both[0].revents)
            return;
    exit(0);
}

int main(int count, char **arguments) {
    if (count < 3)
        return 64;
    modbus_t *context = modbus_new_rtu(arguments[1], 19200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    if (!context || !map || modbus_set_unit(context, atoi(arguments[2])) || modbus_connect(context))
        fail(arguments[1]);
    for (int at = 3; at + 1 < count; at += 2)
        map->tab_registers[atoi(arguments[at]) % REGISTERS] = (uint16_t)atoi(arguments[at + 1]);
    puts("ready");
    fflush(stdout);
    uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
    for (;;) {
        wait_for(modbus_get_socket(context));
        int length = modbus_receive(context, request);
        if (length > 0)
            modbus_reply(context, request, length, map);
    }
}
