/* The bytes of PostgreSQL's binary COPY format, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/copy.h"
#include "db/pgexec.h"

static void put(struct copy *copy, int field)
{
    static const int64_t numbers[] = {1, -2};
    switch (field) {
    case 0:
        copy_null(copy);
        break;
    case 1:
        copy_int2(copy, -2);
        break;
    case 2:
        copy_int4(copy, 0x01020304);
        break;
    case 3:
        copy_int8(copy, -1);
        break;
    case 4:
        copy_time(copy, INT64_C(946684800001));
        break;
    case 5:
        copy_bytes(copy, SPAN_NONE);
        break;
    case 6:
        copy_text(copy, SPAN_LIT("a\0\xff"), 100);
        break;
    case 7:
        copy_text(copy, SPAN_LIT("abcdef"), 3);
        break;
    case 8:
        copy_json(copy, SPAN_LIT("{}"));
        break;
    case 9:
        copy_inet(copy, SPAN_LIT("\xc0\x00\x02\x01"));
        break;
    case 10:
        copy_inet(copy, SPAN_LIT("\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"));
        break;
    case 11:
        copy_int8s(copy, numbers, 2);
        break;
    case 12:
        copy_int8s(copy, numbers, 0);
        break;
    default:
        copy_bool(copy, true);
        break;
    }
}

static void fields(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "ffffffff",
        "00000002fffe",
        "0000000401020304",
        "00000008ffffffffffffffff",
        "0000000800000000000003e8",
        "00000000",
        "00000009615c7830305c786666",
        "00000003616263",
        "00000003017b7d",
        "0000000802200004c0000201",
        "000000140380001020010000000000000000000000000001",
        "0000002c000000010000000000000014000000020000000100000008000000000000000100000008fffffffffffffffe",
        "0000000c000000000000000000000014",
        "0000000101",
    };
    for (size_t i = 0; i < countof(expected); i++) {
        struct copy copy;
        char hex[256];
        copy_init(&copy);
        copy_begin(&copy, NULL, "", NULL);
        copy_row(&copy, 7);
        put(&copy, (int)i);
        size_t head = 11 + 4 + 4 + 2;
        assert_memory_equal(copy.buf.at, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\7", head);
        assert_string_equal(text_hex(span_of(copy.buf.at + head, copy.buf.len - head), hex), expected[i]);
        assert_int_equal(copy_end(&copy), ERR_OK);
        assert_memory_equal(copy.buf.at + copy.buf.len - 2, "\xff\xff", 2);
        copy_fini(&copy);
    }
}

static void a_row_beyond_the_ceiling_is_an_error(void **state)
{
    (void)state;
    struct copy copy;
    struct err why = {0};
    copy_init(&copy);
    copy.buf.ceiling = 100;
    copy_begin(&copy, NULL, "", &why);
    for (int i = 0; i < 20; i++) {
        copy_row(&copy, 1);
        copy_int8(&copy, i);
    }
    assert_int_equal(copy_end(&copy), ERR_TOO_BIG);
    assert_true(why.code == ERR_TOO_BIG);
    copy_fini(&copy);
}

/* Columns are arrays, and what stood in them before does not come again. */
static void columns_are_arrays(void **state)
{
    (void)state;
    static const uint32_t types[] = {COPY_OID_INT4, COPY_OID_TEXT, 0};
    static const char *const expected[][2] = {
        {"0000000100000000000000170000000200000001"
         "0000000400000007"
         "ffffffff",
         "0000000100000000000000190000000200000001"
         "0000000161"
         "00000002"
         "6263"},
        {"000000000000000000000017", "000000000000000000000019"},
    };
    struct copy copy;
    struct err why = {0};
    assert_true(copy_init_columns(&copy, types));
    for (size_t round = 0; round < countof(expected); round++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        copy_begin(&copy, NULL, NULL, &why);
        if (round == 0) {
            copy_row(&copy, 2);
            copy_int4(&copy, 7);
            copy_text(&copy, SPAN_LIT("a"), 9);
            copy_row(&copy, 2);
            copy_null(&copy);
            copy_ascii(&copy, SPAN_LIT("bc"));
        }
        assert_int_equal(copy_end(&copy), ERR_OK);
        copy_bind(&copy, &args);
        assert_int_equal(args.count, 2);
        assert_int_equal(args.types[0], 1007);
        assert_int_equal(args.types[1], 1009);
        for (int i = 0; i < 2; i++) {
            char hex[256];
            struct span value = span_of(args.values[i], (size_t)args.lengths[i]);
            assert_string_equal(text_hex(value, hex), expected[round][i]);
        }
    }
    copy_fini(&copy);
}

/* More than a parameter may have is an error of the rows, not of the program. */
static void a_column_beyond_the_ceiling_is_an_error(void **state)
{
    (void)state;
    static const uint32_t types[] = {COPY_OID_BYTEA, 0};
    static const uint8_t piece[1 << 20];
    struct copy copy;
    struct err why = {0};
    assert_true(copy_init_columns(&copy, types));
    copy_begin(&copy, NULL, NULL, &why);
    for (size_t i = 0; i <= LIMIT_COPY_BYTES / sizeof piece; i++) {
        copy_row(&copy, 1);
        copy_bytes(&copy, span_of(piece, sizeof piece));
    }
    assert_int_equal(copy_end(&copy), ERR_TOO_BIG);
    copy_begin(&copy, NULL, NULL, &why);
    assert_int_equal(copy_end(&copy), ERR_OK);
    copy_fini(&copy);
}

/* Records: the type of each field in front of it, the length of each row in front of that. */
static void records_are_one_array(void **state)
{
    (void)state;
    static const uint32_t types[] = {COPY_OID_INT4, COPY_OID_TEXT, 0};
    static const char *const expected[] = {
        "00000001000000000000303900000002"
        "00000001"
        "0000001900000002"
        "000000170000000400000007"
        "000000190000000161"
        "0000001600000002"
        "00000017ffffffff"
        "00000019000000026263",
        "000000000000000000003039",
    };
    struct copy copy;
    struct err why = {0};
    copy_init_records(&copy, types);
    copy_records_of(&copy, 12345, 12346);
    for (size_t round = 0; round < countof(expected); round++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        char hex[256];
        copy_begin(&copy, NULL, NULL, &why);
        if (round == 0) {
            copy_row(&copy, 2);
            copy_int4(&copy, 7);
            copy_text(&copy, SPAN_LIT("a"), 9);
            copy_row(&copy, 2);
            copy_null(&copy);
            copy_ascii(&copy, SPAN_LIT("bc"));
        }
        assert_int_equal(copy_end(&copy), ERR_OK);
        copy_bind(&copy, &args);
        assert_int_equal(args.count, 1);
        assert_int_equal(args.types[0], 12346);
        assert_string_equal(text_hex(span_of(args.values[0], (size_t)args.lengths[0]), hex), expected[round]);
    }
    copy_fini(&copy);
}

static void records_beyond_the_ceiling_are_an_error(void **state)
{
    (void)state;
    static const uint32_t types[] = {COPY_OID_BYTEA, 0};
    struct copy copy;
    struct err why = {0};
    copy_init_records(&copy, types);
    copy_records_of(&copy, 1, 2);
    copy.buf.ceiling = 100;
    copy_begin(&copy, NULL, NULL, &why);
    for (int i = 0; i < 20; i++) {
        copy_row(&copy, 1);
        copy_bytes(&copy, SPAN_LIT("0123456789"));
    }
    assert_int_equal(copy_end(&copy), ERR_TOO_BIG);
    copy_begin(&copy, NULL, NULL, &why);
    copy_row(&copy, 1);
    copy_bytes(&copy, SPAN_LIT("0123456789"));
    assert_int_equal(copy_end(&copy), ERR_OK);
    copy_fini(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(a_row_beyond_the_ceiling_is_an_error),
        cmocka_unit_test(columns_are_arrays),
        cmocka_unit_test(a_column_beyond_the_ceiling_is_an_error),
        cmocka_unit_test(records_are_one_array),
        cmocka_unit_test(records_beyond_the_ceiling_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
