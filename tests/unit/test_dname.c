#include "model/dname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *text_of(struct span der, struct buf *out)
{
    buf_clear(out);
    dname_text(der, out);
    assert_true(buf_ok(out));
    assert_true(out->len <= DNAME_TEXT_MAX);
    return buf_text(out);
}

static void names(void **state)
{
    static const struct {
        const char *der;
        size_t len;
        const char *text;
    } rows[] = {
#define ROW(der, text) {der, sizeof(der) - 1, text}
        ROW("", ""),
        ROW("\x30\x00", ""),
        ROW("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41", "CN=CA"),
        ROW("\x30\x1a\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02\x44\x45\x31\x0b\x30\x09\x06\x03\x55\x04\x03"
            "\x0c\x02"
            "\x43\x41",
            "CN=CA, C=DE"),
        ROW("\x30\x18\x31\x16\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41\x30\x09\x06\x03\x55\x04\x0a\x0c\x02"
            "\x58\x59",
            "CN=CA + O=XY"),
        ROW("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04"
            "a,b\"",
            "CN=a\\,b\\\""),
        ROW("\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03\x1b[m", "CN=\\x1b[m"),
        ROW("\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\x00\x41\x20\xac", "CN=A\xe2\x82\xac"),
        ROW("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x14\x02\x41\xe9", "CN=A\xc3\xa9"),
        ROW("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x41\xe9", "CN=A\\xe9"),
        ROW("\x30\x0e\x31\x0c\x30\x0a\x06\x04\x2a\x86\x48\x01\x0c\x02\x43\x41", "1.2.840.1=CA"),
        ROW("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x02\x02\x43\x41", "CN=#02024341"),
        ROW("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x83\x0c\x02\x43\x41", "#550483=CA"),
        /* Cut, lied about, of another type: shown as bytes, never read beyond. */
        ROW("\x30\x0d\x31\x0b\x30\x09", "#300d310b3009"),
        ROW("\x30\x84\xff\xff\xff\xff", "#3084ffffffff"),
        ROW("\x31\x00", "#3100"),
        ROW("\x30\x02\x31\x05", "#3105"),
        ROW("\x30\x04\x31\x02\x30\x09", "#3009"),
        ROW("\x30\x04\x31\x02\x30\x00", "#3000"),
    };
    struct buf out;
    (void)state;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < countof(rows); i++) {
        const char *text = text_of(span_of(rows[i].der, rows[i].len), &out);
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("%zu: %s, not %s", i, text, rows[i].text);
    }
    buf_fini(&out);
}

/* Every beginning of a name, and every name with one byte changed. */
static void damaged(void **state)
{
    static const char good[] =
        "\x30\x1a\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02\x44\x45\x31\x0b\x30\x09\x06\x03\x55"
        "\x04\x03\x0c\x02\x43\x41";
    struct buf out;
    uint8_t der[sizeof good - 1];
    (void)state;
    buf_init(&out, 1 << 20);
    for (size_t len = 0; len < sizeof der; len++)
        (void)text_of(span_of(good, len), &out);
    for (size_t at = 0; at < sizeof der; at++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(der, good, sizeof der);
            der[at] = (uint8_t)value;
            (void)text_of(span_of(der, sizeof der), &out);
        }
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
