#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "parser/qc.h"

#define QC(text)                                                                                             \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#define COMPLIANCE "\x06\x06\x04\x00\x8e\x46\x01\x01"
#define TYPE       "\x06\x06\x04\x00\x8e\x46\x01\x06"
#define WEB        "\x06\x07\x04\x00\x8e\x46\x01\x06\x03"
#define PSD2       "\x06\x06\x04\x00\x81\x98\x27\x02"

static const struct {
    struct span value;
    const char *want; /* name, length of the info, the types in it */
    bool damaged;
} rows[] = {
    {QC("\x30\x0a\x30\x08" COMPLIANCE), "QcCompliance:0 ", false},
    {QC("\x30\x1f\x30\x08" COMPLIANCE "\x30\x13" TYPE "\x30\x09" WEB), "QcCompliance:0 QcType:11=web ",
     false},
    {QC("\x30\x0e\x30\x0c" PSD2 "\x30\x02\x30\x00"), "psd2:4 ", false},
    {QC("\x30\x06\x30\x04\x06\x02\x2a\x03"), "?:0 ", false},
    {QC("\x30\x00"), "", false},
    {{NULL, 0}, "", false},
    {QC(""), "", true},
    {QC("\x30\x0c\x05\x00\x30\x08" COMPLIANCE), "", true},
    {QC("\x30\x0c\x30\x00\x30\x08" COMPLIANCE), "QcCompliance:0 ", true},
    {QC("\x30\x0a\x30\x08" COMPLIANCE "\x05\x00"), "QcCompliance:0 ", true},
    {QC("\x30\x0e\x30\x0c" TYPE "\x30\x02\x05\x00"), "QcType:4 ", false},
    {QC("\x30\x0e\x30\x0c" TYPE "\x05\x00\x05\x00"), "QcType:2 ", true},
};

static void every_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf got;
        struct qc qc;
        struct qc_item item;
        struct span type;
        buf_init(&got, 4096);
        qc_init(&qc, rows[i].value);
        while (qc_next(&qc, &item)) {
            struct span rest = qc_types(&item);
            buf_fmt(&got, "%s:%zu", item.id == OID_UNKNOWN ? "?" : oid_short(item.id), item.info.len);
            while (qc_next_type(&rest, &type))
                buf_fmt(&got, "=%s", oid_short(oid_find(type)));
            buf_byte(&got, ' ');
        }
        if (strcmp(buf_text(&got), rows[i].want) != 0 || qc.damaged != rows[i].damaged)
            fail_msg("row %zu: %s, damaged %d", i, buf_text(&got), qc.damaged);
        buf_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_statement)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
