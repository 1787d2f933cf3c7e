/* base/text.h: text_visible, text_visible_str, text_hex, text_unhex, text_base64, text_unbase64,
 * text_parse_time, text_time, text_uint, text_int, text_is_utf8; base/rate.h: rate_retry_after_ms.
 * Properties: what is visible is UTF-8 without control bytes and can be undone; both visible forms agree;
 * codings go there and back; a time that is read is written as one that reads the same; numbers are written
 * as they were read. */
#include "base/rate.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_visible(struct span bytes)
{
    struct buf visible, back;
    char fixed[64];
    buf_init(&visible, 4 * bytes.len);
    buf_init(&back, bytes.len);
    text_visible(&visible, bytes);
    must(buf_ok(&visible) && text_is_utf8(buf_span(&visible)));
    for (size_t i = 0; i < visible.len; i++) {
        uint8_t byte = visible.at[i];
        must(byte >= 0x20 && byte != 0x7f);
        if (byte != '\\') {
            buf_byte(&back, byte);
        } else if (visible.at[++i] == '\\') {
            buf_byte(&back, '\\');
        } else {
            must(visible.at[i] == 'x' && text_unhex(span_of(&visible.at[i + 1], 2), &byte, 1));
            buf_byte(&back, byte);
            i += 2;
        }
    }
    must(buf_ok(&back) && span_eq(buf_span(&back), bytes));
    (void)text_visible_str(bytes, fixed, sizeof fixed);
    struct span cut = span_str(fixed);
    must(cut.len < sizeof fixed && text_is_utf8(cut));
    if (visible.len < sizeof fixed)
        must(span_eq(cut, buf_span(&visible)));
    else
        must(span_ends(cut, SPAN_LIT("...")) &&
             span_starts(buf_span(&visible), span_part(cut, 0, cut.len - 3)));
    buf_fini(&visible);
    buf_fini(&back);
}

static void check_codings(struct span bytes)
{
    size_t text_size = 2 * bytes.len + 8, len;
    char *text = malloc(text_size);
    uint8_t *back = malloc(bytes.len + 1);
    must(text != NULL && back != NULL);
    (void)text_hex(bytes, text);
    must(text_unhex(span_str(text), back, bytes.len) && span_eq(span_of(back, bytes.len), bytes));
    must(text_base64(bytes, text) < text_size);
    must(text_unbase64(span_str(text), back, bytes.len, &len) && span_eq(span_of(back, len), bytes));
    /* What decodes is what encoding gives: one text for one value. */
    if (text_unbase64(bytes, back, bytes.len, &len)) {
        must(text_base64(span_of(back, len), text) == bytes.len);
        must(span_eq(span_str(text), bytes));
    }
    free(text);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size);
    char text[TEXT_TIME_MAX];
    int64_t unix_ms, again, number;
    uint64_t natural;

    check_visible(bytes);
    check_codings(bytes);
    if (text_parse_time(bytes, &unix_ms)) {
        (void)text_time(unix_ms, true, text);
        must(text[0] == '-' || text[0] == '+' ||
             (text_parse_time(span_str(text), &again) && again == unix_ms));
    }
    if (size == sizeof unix_ms) {
        memcpy(&unix_ms, data, sizeof unix_ms);
        must(strlen(text_time(unix_ms, true, text)) < TEXT_TIME_MAX);
    }
    if (text_int(bytes, &number))
        must((number < 0 || data[0] == '-') || (text_uint(bytes, &natural) && natural == (uint64_t)number));
    int64_t wait_ms = rate_retry_after_ms(bytes, INT64_C(1795250813123), 60000);
    must(wait_ms >= -1 && wait_ms <= 60000);
    return 0;
}
