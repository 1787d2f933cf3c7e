#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "signer.h"
#include "vecfile.h"
#include "verify/checkpoint.h"
#include "verify/sth.h"

#define DASH      "\xe2\x80\x94 "
#define SIZE      1000
#define TIMESTAMP INT64_C(1790000000000)

static EVP_PKEY *key;
static struct ctlog test_log;
static uint8_t test_root[32] = {0xfb, 0xff, 0x3e}; /* has / and + in base64 */
static char root_text[64];

static int setup(void **state)
{
    (void)state;
    key = signer_key("EC", 0, "P-256");
    test_log = signer_log(key);
    (void)text_base64(span_of(test_root, 32), root_text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

/* "— name base64(id || body)\n" */
static void put_line(struct buf *note, const char *name, const uint8_t id[4], struct span body)
{
    uint8_t bytes[8192];
    char text[12000];

    must(body.len + 4 <= sizeof bytes);
    memcpy(bytes, id, 4);
    if (body.len > 0)
        memcpy(bytes + 4, body.at, body.len);
    (void)text_base64(span_of(bytes, body.len + 4), text);
    buf_fmt(note, DASH "%s %s\n", name, text);
}

/* The log's own line over this size. */
static void put_ours(struct buf *note, EVP_PKEY *signer, uint64_t size)
{
    uint8_t message[STH_MESSAGE_BYTES];
    uint8_t id[4];
    struct buf body;

    buf_init(&body, 1024);
    buf_u64(&body, (uint64_t)TIMESTAMP);
    sth_message(size, TIMESTAMP, test_root, message);
    signer_sign(signer, span_of(message, sizeof message), 4, 3, &body);
    checkpoint_key_id(&test_log, id);
    put_line(note, "example.com/log", id, buf_span(&body));
    buf_fini(&body);
}

static void put_text(struct buf *note)
{
    buf_fmt(note, "example.com/log\n%d\n%s\n\n", SIZE, root_text);
}

static enum err_code check(struct buf *note, struct head *head)
{
    struct err why = {0};
    enum err_code code = checkpoint_verify(&test_log, buf_span(note), head, &why);

    assert_int_equal(why.code, code);
    assert_true(code == ERR_OK || why.text[0] != '\0');
    return code;
}

static void good(void **state)
{
    struct head head = {0};
    struct buf note;

    (void)state;
    buf_init(&note, LIMIT_SMALL_BYTES);
    put_text(&note);
    put_ours(&note, key, SIZE);
    assert_int_equal(check(&note, &head), ERR_OK);
    assert_int_equal(head.size, SIZE);
    assert_int_equal(head.timestamp_ms, TIMESTAMP);
    assert_memory_equal(head.root, test_root, 32);
    assert_true(span_eq(head.raw, buf_span(&note)));
    buf_fini(&note);
}

/* Grease under a strange name, grease under our own, witnesses, a post-quantum line: all are passed over. */
static void strangers(void **state)
{
    static const uint8_t noise[6000] = {1, 2, 3};
    uint8_t grease[4] = {9, 8, 7, 6};
    uint8_t ours[4];

    (void)state;
    checkpoint_key_id(&test_log, ours);
    for (unsigned place = 0; place < 5; place++) {
        struct head head = {0};
        struct buf note;
        buf_init(&note, LIMIT_SMALL_BYTES);
        put_text(&note);
        for (unsigned line = 0; line < 5; line++) {
            if (line == place)
                put_ours(&note, key, SIZE);
            if (line == 0)
                put_line(&note, "grease.invalid", grease, span_of(noise, 70));
            if (line == 1)
                put_line(&note, "example.com/log", grease, span_of(noise, 83));
            if (line == 2)
                put_line(&note, "other.example", ours, span_of(noise, 64)); /* our id, another name */
            if (line == 3)
                put_line(&note, "witness.example", grease, span_of(noise, sizeof noise));
        }
        assert_int_equal(check(&note, &head), ERR_OK);
        assert_int_equal(head.size, SIZE);
        buf_fini(&note);
    }
}

static void many_lines(void **state)
{
    static const uint8_t noise[2424] = {4};
    uint8_t id[4] = {1, 1, 1, 1};
    struct head head;

    (void)state;
    for (unsigned extra = LIMIT_NOTE_LINES - 2; extra <= LIMIT_NOTE_LINES; extra++) {
        struct buf note;
        buf_init(&note, LIMIT_SMALL_BYTES);
        put_text(&note);
        for (unsigned i = 0; i < extra; i++)
            put_line(&note, "w.example", id, span_of(noise, sizeof noise));
        put_ours(&note, key, SIZE);
        assert_true(note.len > 64 * 1024);
        assert_int_equal(check(&note, &head), extra < LIMIT_NOTE_LINES ? ERR_OK : ERR_TOO_BIG);
        buf_fini(&note);
    }
}

/* A wrong line under our name and key id refuses the note, wherever a right one stands. */
static void wrong_signature(void **state)
{
    EVP_PKEY *stranger = signer_key("EC", 0, "P-256");
    uint8_t ours[4];

    (void)state;
    checkpoint_key_id(&test_log, ours);
    for (unsigned what = 0; what < 8; what++) {
        struct head head = {.size = 42};
        struct buf note;
        buf_init(&note, LIMIT_SMALL_BYTES);
        put_text(&note);
        if (what == 1 || what == 3)
            put_ours(&note, key, SIZE);
        if (what <= 1)
            put_ours(&note, stranger, SIZE);
        if (what == 2 || what == 3)
            put_ours(&note, key, SIZE + 1);
        if (what == 4)
            put_line(&note, "example.com/log", ours, span_of("x", 1));
        if (what == 5)
            put_line(&note, "example.com/log", ours,
                     SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\x04\x03\x00\x01x"));
        if (what == 6)
            put_line(&note, "example.com/log", ours, span_of(root_text, 12));
        if (what == 7) {
            static const uint8_t large[5000] = {0};
            put_line(&note, "example.com/log", ours, span_of(large, sizeof large));
        }
        assert_int_equal(check(&note, &head), ERR_SIGNATURE);
        assert_int_equal(head.size, 42);
        buf_fini(&note);
    }
    EVP_PKEY_free(stranger);
}

static void no_signature_of_ours(void **state)
{
    uint8_t id[4] = {1, 2, 3, 4};
    struct head head;
    struct buf note;

    (void)state;
    buf_init(&note, LIMIT_SMALL_BYTES);
    put_text(&note);
    put_line(&note, "example.com/log", id, span_of(root_text, 20));
    assert_int_equal(check(&note, &head), ERR_SIGNATURE);
    buf_fini(&note);
}

/* Everything around a good signature that makes it no checkpoint of this log. `%%` is the signature line. */
static void forms(void **state)
{
    static const struct {
        const char *text;  /* up to the blank line; R is the root */
        const char *after; /* behind the signature line */
        enum err_code code;
    } rows[] = {
        {"example.com/log\n1000\nR\n\n", "", ERR_OK},
        {"example.com/other\n1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log/\n1000\nR\n\n", "", ERR_FORMAT},
        {"Example.com/log\n1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log \n1000\nR\n\n", "", ERR_FORMAT},
        {"\n1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n01000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n+1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n1000 \nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n-1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n0x3e8\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n18446744073709551616\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n9223372036854775808\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n1001\nR\n\n", "", ERR_SIGNATURE},
        {"example.com/log\n1000\n\n", "", ERR_FORMAT},
        {"example.com/log\n1000\nAAAA\n\n", "", ERR_FORMAT},
        {"example.com/log\n1000\nR\nextension\n\n", "", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\nmore\n\n", "", ERR_FORMAT},
        {"example.com/log\r\n1000\nR\n\n", "", ERR_FORMAT},
        {"example.com/log\n1000\nR\n", "", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", "\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", "x", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", "x\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH " AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "na+me AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAA==\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAA!A\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAAA=\n", ERR_OK},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAAAA \n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name  AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAAAA\x01\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "na\xffme AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "na\xc0\xafme AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "na\xed\xa0\x80me AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "n\xc3\xa4me\xf0\x9f\x98\x80 AAAAAAAA\n", ERR_OK},
        {"example.com/log\n1000\nR\n\n", "- name AAAAAAAA\n", ERR_FORMAT},
        {"example.com/log\n1000\nR\n\n", DASH "name AAAAAAAA", ERR_FORMAT},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct head head;
        struct buf note;
        buf_init(&note, LIMIT_SMALL_BYTES);
        for (const char *at = rows[i].text; *at != '\0'; at++) {
            if (*at == 'R')
                buf_str(&note, root_text);
            else
                buf_byte(&note, (uint8_t)*at);
        }
        put_ours(&note, key, SIZE);
        buf_str(&note, rows[i].after);
        enum err_code code = check(&note, &head);
        if (code != rows[i].code)
            fail_msg("row %zu: %s, expected %s", i, err_name(code), err_name(rows[i].code));
        buf_fini(&note);
    }
}

/* Cut anywhere, or with any byte changed in its text, it is refused. */
static void damage(void **state)
{
    struct head head;
    struct buf note;
    size_t text_len;

    (void)state;
    buf_init(&note, LIMIT_SMALL_BYTES);
    put_text(&note);
    text_len = note.len;
    put_ours(&note, key, SIZE);
    for (size_t length = 0; length < note.len; length++)
        assert_int_not_equal(checkpoint_verify(&test_log, span_of(note.at, length), &head, NULL), ERR_OK);
    for (size_t i = 0; i < text_len; i++) {
        note.at[i] ^= 1;
        assert_int_not_equal(checkpoint_verify(&test_log, buf_span(&note), &head, NULL), ERR_OK);
        note.at[i] ^= 1;
    }
    assert_int_equal(check(&note, &head), ERR_OK);
    assert_int_equal(checkpoint_verify(&test_log, SPAN_NONE, &head, NULL), ERR_FORMAT);
    buf_fini(&note);
}

static void too_large(void **state)
{
    struct head head;
    struct buf note;
    uint8_t *room;

    (void)state;
    buf_init(&note, 2 * LIMIT_SMALL_BYTES);
    room = buf_room(&note, LIMIT_SMALL_BYTES + 1);
    assert_non_null(room);
    memset(room, '\n', LIMIT_SMALL_BYTES + 1);
    assert_int_equal(check(&note, &head), ERR_TOO_BIG);
    assert_int_equal(checkpoint_verify(&test_log, span_of(room, LIMIT_SMALL_BYTES), &head, NULL), ERR_FORMAT);
    buf_fini(&note);
}

/* Notes that real logs published. */
static void real_notes(void **state)
{
    static const struct {
        const char *note, *origin, *key_file, *key_after;
        uint64_t size;
        const char *key_id;
    } rows[] = {
        {"checkpoints/sycamore2026h1.917123884.txt", "log.sycamore.ct.letsencrypt.org/2026h1",
         "loglist/log_list_v85.92.json", "'Sycamore2026h1'", 917123884, "104b9ebf"},
        {"rome2026h1/checkpoint", "rome2026h1.example.org", "rome2026h1/log.v3.json", "{", 300, "91507526"},
    };
    size_t checked = 0;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span note = vecfile_load(rows[i].note);
        struct span keys = vecfile_load(rows[i].key_file);
        struct ctlog log = {.name = "real"};
        struct head head;
        uint8_t id[4];
        char hex[9];
        if (note.at == NULL || keys.at == NULL) {
            vecfile_free(note);
            vecfile_free(keys);
            continue;
        }
        const char *place = strstr((const char *)keys.at, rows[i].key_after);
        assert_non_null(place);
        assert_int_equal(logkey_set_from_user(&log, vecfile_string(vecfile_find(place, "key"), NULL), NULL),
                         ERR_OK);
        (void)snprintf(log.origin, sizeof log.origin, "%s", rows[i].origin);
        checkpoint_key_id(&log, id);
        assert_string_equal(text_hex(span_of(id, 4), hex), rows[i].key_id);
        struct err why = {0};
        if (checkpoint_verify(&log, note, &head, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].note, why.text);
        assert_int_equal(head.size, rows[i].size);
        (void)snprintf(log.origin, sizeof log.origin, "elsewhere.example");
        assert_int_equal(checkpoint_verify(&log, note, &head, NULL), ERR_FORMAT);
        vecfile_free(note);
        vecfile_free(keys);
        checked++;
    }
    if (checked == 0)
        skip();
    assert_int_equal(checked, countof(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),   cmocka_unit_test(strangers),       cmocka_unit_test(many_lines),
        cmocka_unit_test(forms),  cmocka_unit_test(wrong_signature), cmocka_unit_test(no_signature_of_ours),
        cmocka_unit_test(damage), cmocka_unit_test(too_large),       cmocka_unit_test(real_notes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
