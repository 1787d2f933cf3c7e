/* Property: whatever is typed is read or refused with one line; what is read is inside its bounds; a cursor
 * that is accepted writes itself again. */
#include <stdlib.h>

#include "base/limits.h"
#include "db/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query;
    struct query_cursor cursor;
    struct query_cursor again;
    struct err why = {0};
    char text[QUERY_CURSOR_MAX];
    char *typed = malloc(size + 1);
    must(typed != NULL);
    memcpy(typed, data, size);
    typed[size] = '\0';
    if (query_parse(typed, &query, &why) != ERR_OK) {
        must(why.text[0] != '\0' && strchr(why.text, '\n') == NULL);
    } else {
        must(query.len <= sizeof query.bytes && memchr(query.text, '\0', sizeof query.text) != NULL);
        must(query.limit > 0 && query.limit <= LIMIT_SEARCH_ROWS);
        must(query.text[0] != '\0' || query.len > 0);
    }
    if (query_cursor_parse(typed, &cursor)) {
        must(query_cursor_parse(query_cursor_text(&cursor, text), &again));
        must(again.not_before_ms == cursor.not_before_ms && again.issuer_id == cursor.issuer_id);
        must(memcmp(again.tbs_fp, cursor.tbs_fp, 32) == 0);
    }
    free(typed);
    return 0;
}
