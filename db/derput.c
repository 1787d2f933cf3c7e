#include "db/derput.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "db/dbkey.h"
#include "model/cert.h"

#define DAY_S      86400
#define DAYS_TO_PG 10957 /* from 1970 to 2000 */

void derput_init(struct derput *put)
{
    *put = (struct derput){0};
    buf_init(&put->plain, DERCHUNK_PLAIN_MAX);
    buf_init(&put->packed, 2 * DERCHUNK_PLAIN_MAX);
}

void derput_fini(struct derput *put)
{
    free(put->forms);
    buf_fini(&put->plain);
    buf_fini(&put->packed);
}

int32_t derput_month(int64_t unix_s)
{
    int64_t year;
    int month;
    int day;
    int64_t clamped = unix_s < CERT_TIME_MIN   ? CERT_TIME_MIN
                      : unix_s > CERT_TIME_MAX ? CERT_TIME_MAX
                                               : unix_s;
    int64_t days = clamped / DAY_S - (clamped % DAY_S < 0 ? 1 : 0);
    text_date(days, &year, &month, &day);
    return (int32_t)(text_days(year, month, 1) - DAYS_TO_PG);
}

bool derput_add(struct derput *put, int32_t month, const uint8_t sha256[32], struct span der)
{
    if (put->count == put->cap) {
        size_t cap = put->cap == 0 ? 1024 : 2 * put->cap;
        struct derput_form *forms = realloc(put->forms, cap * sizeof *forms);
        if (forms == NULL)
            return false;
        put->forms = forms;
        put->cap = cap;
    }
    put->forms[put->count++] = (struct derput_form){month, sha256, der, NULL};
    return true;
}

static int by_month_and_hash(const void *left, const void *right)
{
    const struct derput_form *a = left;
    const struct derput_form *b = right;
    if (a->month != b->month)
        return a->month < b->month ? -1 : 1;
    return memcmp(a->sha256, b->sha256, 32);
}

void derput_sort(struct derput *put)
{
    size_t kept = 1;
    if (put->count == 0)
        return;
    qsort(put->forms, put->count, sizeof *put->forms, by_month_and_hash);
    for (size_t i = 1; i < put->count; i++) {
        if (memcmp(put->forms[i].sha256, put->forms[kept - 1].sha256, 32) != 0)
            put->forms[kept++] = put->forms[i];
    }
    put->count = kept;
}

static void put_row(struct derput *put, struct copy *copy, size_t begin, size_t count, bool whole)
{
    const struct derput_form *forms = put->forms + begin;
    int64_t sha8[DERCHUNK_CERTS];
    buf_clear(&put->plain);
    for (size_t i = 0; i < count; i++) {
        derchunk_put(&put->plain, forms[i].der);
        sha8[i] = dbkey_first8(forms[i].sha256);
    }
    enum err_code code = ERR_MEMORY;
    if (buf_ok(&put->plain))
        code = derchunk_pack(buf_span(&put->plain), &put->packed, copy->why);
    else
        (void)err_set(copy->why, ERR_MEMORY, "database: no memory for %zu certificates", count);
    if (code != ERR_OK && copy->code == ERR_OK)
        copy->code = code;
    copy_row(copy, 5);
    copy_int4(copy, forms[0].month);
    copy_bool(copy, whole);
    copy_int4(copy, (int32_t)put->plain.len);
    copy_int8s(copy, sha8, count);
    copy_bytes(copy, buf_span(&put->packed));
}

enum err_code derput_copy(struct derput *put, size_t count, struct copy *copy, struct pgconn *conn,
                          struct err *why)
{
    const struct derput_form *forms = put->forms;
    size_t begin = 0;
    size_t len = 0;
    copy_begin(copy, conn, "COPY der_chunk (month, whole, size, sha8, z) FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < count; i++) {
        bool fits = derchunk_fits(i - begin, len, forms[i].der.len);
        if (i != begin && (!fits || forms[i].month != forms[begin].month)) {
            put_row(put, copy, begin, i - begin, !fits);
            begin = i;
            len = 0;
        }
        len += 4 + forms[i].der.len;
    }
    if (begin != count)
        put_row(put, copy, begin, count - begin, !derchunk_fits(count - begin, len, 0));
    return copy_end(copy);
}
