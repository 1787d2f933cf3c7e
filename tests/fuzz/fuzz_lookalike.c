/* Any brands, any names: what comparing each with each says is what the tables find, with the same score; the
 * reason is text. The input is lines: up to the first empty one brands, then names of certificates. */
#include "watcher/lookalike.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"

#define BRANDS_MAX 16
#define NAMES_MAX  16
#define SCORE      40 /* the lowest that anybody is told of */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint8_t score[BRANDS_MAX];
    bool hit[BRANDS_MAX];
};

static void note(void *arg, size_t watch, const struct likeness *like)
{
    struct seen *seen = arg;
    must(like->score <= 100 && like->technique != LIKENESS_NONE);
    must(!seen->hit[watch] || seen->score[watch] == like->score);
    seen->hit[watch] = true;
    seen->score[watch] = like->score;
}

static struct span line_next(struct span *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
    struct span line = span_part(*rest, 0, len);
    *rest = span_part(*rest, end == NULL ? len : len + 1, rest->len);
    return line;
}

/* As base/dns.h writes names, but for placeholders, which have no registrable domain. */
static bool is_normal(struct span name)
{
    bool begin = true;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        if (c < 0x21 || c > 0x7e || c == '?' || (c >= 'A' && c <= 'Z') || (c == '.' && begin))
            return false;
        if (c == '*' && (i != 0 || name.len < 2 || name.at[1] != '.'))
            return false;
        begin = c == '.';
    }
    return name.len != 0 && !begin && name.len <= DNS_TEXT_MAX;
}

static void check(const struct lookalike *all, const struct watch *watches, size_t count, struct span name)
{
    struct span apex = dns_apex(name);
    struct seen seen = {0};
    struct seen again = {0};
    lookalike_find(all, name, apex, false, note, &seen);
    lookalike_find(all, name, apex, true, note, &again);
    for (size_t i = 0; i < count; i++) {
        struct likeness_brand brand;
        struct likeness like;
        struct buf text;
        must(seen.hit[i] || !again.hit[i]);
        struct span own = span_str(watches[i].name);
        if (!span_eq(dns_apex(own), own) || !likeness_brand_init(&brand, own))
            continue;
        bool alike = likeness_judge(&brand, name, apex, &like);
        must(alike == (like.technique != LIKENESS_NONE) && alike == (like.score != 0));
        must(like.score < SCORE || seen.hit[i]);
        must(!seen.hit[i] || seen.score[i] == like.score);
        if (!seen.hit[i])
            continue;
        buf_init(&text, 1 << 16);
        lookalike_say(all, i, &like, name, apex, &text);
        must(buf_ok(&text) && text.len != 0 && text_is_utf8(buf_span(&text)));
        buf_fini(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct watch *watches = calloc(BRANDS_MAX, sizeof *watches);
    struct lookalike *all = NULL;
    struct span rest = span_of(data, size);
    size_t count = 0;
    must(watches != NULL);
    if (!ready)
        must(dns_psl_load(SPAN_LIT("com\nnet\nuk\nco.uk\n"), NULL) == ERR_OK);
    ready = true;
    while (rest.len != 0 && count < BRANDS_MAX) {
        struct span line = line_next(&rest);
        if (line.len == 0)
            break;
        if (!is_normal(line) || line.at[0] == '*')
            continue;
        watches[count] = (struct watch){.kind = WATCH_DNS, .lookalike = WATCH_LOOKALIKE_ON};
        watches[count].name = strndup((const char *)line.at, line.len);
        must(watches[count++].name != NULL);
    }
    must(lookalike_new(watches, count, &all) && (all != NULL) == (count != 0));
    for (size_t n = 0; n < NAMES_MAX && rest.len != 0 && all != NULL; n++) {
        struct span name = line_next(&rest);
        if (is_normal(name))
            check(all, watches, count, name);
    }
    lookalike_free(all);
    watch_free(watches, count);
    return 0;
}
