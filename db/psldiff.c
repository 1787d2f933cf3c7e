#include "db/psldiff.h"

#include <stdlib.h>

#include "base/dns.h"
#include "db/dbkey.h"

#define PATTERN_MAX 32768 /* bytes; a year of the list's history changes some hundred rules */

struct rules {
    struct span *at;
    size_t count;
};

static int by_text(const void *left, const void *right)
{
    return span_cmp(*(const struct span *)left, *(const struct span *)right);
}

/* The rules of a list, sorted: what stands in front of the first white space of lines that are no comment. */
static void read_rules(struct rules *rules, struct span list)
{
    size_t cap = 0;
    *rules = (struct rules){0};
    for (size_t begin = 0; begin < list.len;) {
        size_t end = begin;
        size_t len = 0;
        while (end < list.len && list.at[end] != '\n')
            end++;
        while (begin + len < end && list.at[begin + len] > ' ')
            len++;
        struct span rule = span_part(list, begin, begin + len);
        begin = end + 1;
        if (len == 0 || span_starts(rule, SPAN_LIT("//")))
            continue;
        if (rules->count == cap) {
            cap = cap == 0 ? 16384 : 2 * cap;
            rules->at = realloc(rules->at, cap * sizeof *rules->at);
            must(rules->at != NULL);
        }
        rules->at[rules->count++] = rule;
    }
    if (rules->count != 0)
        qsort(rules->at, rules->count, sizeof *rules->at, by_text);
}

/* "*.ck" is about ck, "!www.ck" about www.ck. As the names are stored: "ck", "ck.www", with the points
 * escaped. False: it can not be written so. */
static bool put_rule(struct buf *out, struct span rule, bool first)
{
    char typed[DNS_TEXT_MAX + 1];
    char text[DNS_TEXT_MAX];
    uint8_t reversed[DNS_TEXT_MAX];
    struct err why = {0};
    if (rule.len != 0 && rule.at[0] == '!')
        rule = span_part(rule, 1, rule.len);
    if (span_starts(rule, SPAN_LIT("*.")))
        rule = span_part(rule, 2, rule.len);
    if (rule.len == 0 || rule.len > DNS_TEXT_MAX || memchr(rule.at, '*', rule.len) != NULL)
        return false;
    memcpy(typed, rule.at, rule.len);
    typed[rule.len] = '\0';
    if (dns_from_user(typed, text, &why) != ERR_OK)
        return false;
    struct span name = span_str(text);
    dns_reverse(name, reversed);
    buf_str(out, first ? "(?:^| )(?:" : "|");
    for (size_t i = 0; i < name.len; i++) {
        bool plain = (reversed[i] >= 'a' && reversed[i] <= 'z') ||
                     (reversed[i] >= '0' && reversed[i] <= '9') || reversed[i] == '-' || reversed[i] == '_';
        if (!plain && reversed[i] != '.')
            return false;
        if (!plain)
            buf_byte(out, '\\');
        buf_byte(out, reversed[i]);
    }
    return true;
}

size_t psldiff_pattern(struct buf *out, struct span old_list, struct span new_list)
{
    struct rules lists[2];
    size_t at[2] = {0, 0};
    size_t count = 0;
    size_t begin = out->len;
    bool fits = true;
    read_rules(&lists[0], old_list);
    read_rules(&lists[1], new_list);
    while (at[0] < lists[0].count || at[1] < lists[1].count) {
        int order = at[0] == lists[0].count   ? 1
                    : at[1] == lists[1].count ? -1
                                              : span_cmp(lists[0].at[at[0]], lists[1].at[at[1]]);
        if (order != 0) {
            size_t which = order < 0 ? 0 : 1;
            fits = fits && put_rule(out, lists[which].at[at[which]], count == 0) &&
                   out->len - begin < PATTERN_MAX;
            count++;
        }
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
    if (count != 0 && fits)
        buf_str(out, ")(?:\\.| |$)");
    if (!fits) {
        out->len = begin;
        buf_str(out, PSLDIFF_ALL);
    }
    free(lists[0].at);
    free(lists[1].at);
    return count;
}
