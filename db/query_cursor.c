#include <stdio.h>

#include "base/text.h"
#include "db/dbkey.h"
#include "db/query.h"

#define BOUND_BYTES 5

/* What a cursor is bound to: all that decides which rows there are. */
static void bound_to(const struct query *query, char out[2 * BOUND_BYTES + 1])
{
    uint8_t hash[32];
    struct buf all;
    buf_init(&all, sizeof *query + 64);
    buf_byte(&all, (uint8_t)query->kind);
    buf_byte(&all, (uint8_t)query->form);
    buf_byte(&all, query->exclude_expired);
    buf_byte(&all, query->expired);
    buf_u64(&all, (uint64_t)query->since_ms);
    buf_u64(&all, (uint64_t)query->until_ms);
    buf_u64(&all, (uint64_t)query->seen_since_ms);
    buf_str(&all, query->text);
    buf_byte(&all, 0);
    buf_str(&all, query->issuer);
    buf_byte(&all, 0);
    buf_put(&all, span_of(query->bytes, query->len));
    must(buf_ok(&all));
    dbkey_sha256(buf_span(&all), hash);
    buf_fini(&all);
    (void)text_hex(span_of(hash, BOUND_BYTES), out);
}

char *query_cursor_text(const struct query_cursor *cursor, const struct query *query,
                        char out[QUERY_CURSOR_MAX])
{
    char hex[65];
    char bound[2 * BOUND_BYTES + 1];
    bound_to(query, bound);
    (void)snprintf(out, QUERY_CURSOR_MAX, "%" PRId64 "_%s_%" PRId32 "_%s", cursor->not_before_ms,
                   text_hex(span_of(cursor->tbs_fp, 32), hex), cursor->issuer_id, bound);
    return out;
}

static bool read_cursor(const char *text, struct query_cursor *cursor, const char **bound)
{
    const char *first = strchr(text, '_');
    const char *second = first != NULL ? strchr(first + 1, '_') : NULL;
    const char *third = second != NULL ? strchr(second + 1, '_') : NULL;
    int64_t issuer;
    if (third == NULL || second - first != 65 || strlen(third + 1) != 2 * (size_t)BOUND_BYTES ||
        !text_int(span_of(text, (size_t)(first - text)), &cursor->not_before_ms) ||
        !text_unhex(span_of(first + 1, 64), cursor->tbs_fp, 32) ||
        !text_int(span_of(second + 1, (size_t)(third - second - 1)), &issuer) || issuer < INT32_MIN ||
        issuer > INT32_MAX)
        return false;
    /* Outside of what the database's clock can say, it was never ours. */
    if (cursor->not_before_ms < -INT64_C(62135596800001) || cursor->not_before_ms > INT64_C(253402300800000))
        return false;
    cursor->issuer_id = (int32_t)issuer;
    *bound = third + 1;
    return true;
}

enum err_code query_cursor_parse(const char *text, struct query *query, struct err *why)
{
    const char *given;
    char bound[2 * BOUND_BYTES + 1];
    if (!read_cursor(text, &query->after, &given))
        return err_set(why, ERR_USAGE, "'%s' is not the cursor of a page before, or not all of it", text);
    bound_to(query, bound);
    if (strcmp(given, bound) != 0)
        return err_set(
            why, ERR_USAGE,
            "this is the cursor of another search: what is asked and all bounds but --limit must be "
            "the same");
    query->has_after = true;
    return ERR_OK;
}
