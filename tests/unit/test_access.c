#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/access.h"

#define AIA(text)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define OCSP "\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01"
#define CA   "\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02"

static const struct {
    struct span value;
    const char *want; /* method:kind:location */
    bool damaged;
} rows[] = {
    {AIA("\x30\x12\x30\x10" OCSP "\x86\x04"
         "o://"),
     "OCSP:uri:o:// ", false},
    {AIA("\x30\x22\x30\x10" OCSP "\x86\x04"
         "o://\x30\x0e" CA "\x82\x02"
         "ca"),
     "OCSP:uri:o:// caIssuers:dns:ca ", false},
    {AIA("\x30\x0a\x30\x08\x06\x02\x2a\x03\xa4\x02\x30\x00"), "?:directory:0", false},
    {AIA("\x30\x00"), "", false},
    {{NULL, 0}, "", false},
    {AIA(""), "", true},
    {AIA("\x30\x12\x30\x10" OCSP "\x86\x05"
         "o://"),
     "", true},
    {AIA("\x30\x1e\x30\x0a" OCSP "\x30\x10" OCSP "\x86\x04"
         "o://"),
     "OCSP:uri:o:// ", true},
    {AIA("\x30\x14\x05\x00\x30\x10" OCSP "\x86\x04"
         "o://"),
     "", true},
    {AIA("\x30\x14\x30\x12" OCSP "\x86\x04"
         "o://\x05\x00"),
     "OCSP:uri:o:// ", true},
    {AIA("\x30\x12\x30\x10" OCSP "\x16\x04"
         "o://"),
     "OCSP:unknown:o:// ", true},
    {AIA("\x30\x12\x30\x10" OCSP "\x86\x04"
         "o://\x00"),
     "OCSP:uri:o:// ", true},
};

static void every_description(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct access access;
        struct access_item item;
        buf_init(&got, 4096);
        access_init(&access, rows[i].value);
        while (access_next(&access, &item)) {
            buf_fmt(&got, "%s:%s:", item.id == OID_UNKNOWN ? "?" : oid_short(item.id),
                    san_kind_name(item.location.kind));
            if (item.location.kind == SAN_DIRECTORY)
                buf_fmt(&got, "%zu", item.location.value.len - 2);
            else
                buf_put(&got, item.location.value);
            if (item.location.kind != SAN_DIRECTORY)
                buf_byte(&got, ' ');
        }
        if (strcmp(buf_text(&got), rows[i].want) != 0 || access.damaged != rows[i].damaged)
            fail_msg("row %zu: %s, damaged %d", i, buf_text(&got), access.damaged);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_description)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
