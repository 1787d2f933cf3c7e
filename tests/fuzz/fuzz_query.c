/* Property: whatever is typed is read or refused with one line; what is read is inside its bounds; a cursor
 * that is accepted writes itself again. */
#include <stdlib.h>

#include "base/limits.h"
#include "db/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query;
    struct query again;
    struct err why = {0};
    char text[QUERY_CURSOR_MAX];
    char *typed = malloc(size + 1);
    must(typed != NULL);
    memcpy(typed, data, size);
    typed[size] = '\0';
    if (query_parse(typed, &query, &why) != ERR_OK) {
        must(why.text[0] != '\0' && strchr(why.text, '\n') == NULL);
        must(query_parse("example.com", &query, NULL) == ERR_OK);
    } else {
        must(query.len <= sizeof query.bytes && memchr(query.text, '\0', sizeof query.text) != NULL);
        must(query.limit > 0 && query.limit <= LIMIT_SEARCH_ROWS);
        must(query.text[0] != '\0' || query.len > 0 || query.issuer[0] != '\0');
    }
    again = query;
    for (int i = 0; i < 32; i++)
        query.after.tbs_fp[i] = (uint8_t)(i * 7);
    query.after.not_before_ms = (int64_t)size - 1000;
    must(query_cursor_parse(query_cursor_text(&query.after, &query, text), &again, NULL) == ERR_OK);
    must(again.after.not_before_ms == query.after.not_before_ms);
    must(memcmp(again.after.tbs_fp, query.after.tbs_fp, 32) == 0);
    must(query_cursor_parse(typed, &again, &why) != ERR_OK || strlen(typed) < QUERY_CURSOR_MAX);
    free(typed);
    return 0;
}
