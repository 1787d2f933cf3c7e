#include "base/suffix.h"

#include <errno.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdatomic.h>

#include "base/dns.h"
#include "base/limits.h"

static const char system_path[] = "/usr/share/publicsuffix/public_suffix_list.dat";

/* Bits for the names below which a rule with more labels lies. Nearly every name of the world ends in two
 * labels that no such rule knows ("example.com"), and for them the answer is these two labels; the rest asks
 * libpsl. A collision only costs a needless question. */
#define DEEP_BITS (1u << 18)

struct list {
    psl_ctx_t *psl;
    struct list *before;
    size_t labels_max; /* of any rule; no further label can decide */
    bool has_deep;
    uint64_t deep[DEEP_BITS / 64];
};

static _Atomic(struct list *) list_now;
static _Atomic(struct list *) list_also;
static atomic_bool also_counts;

/* FNV-1a from the back: cheap for short tails, and the bytes of the list are nobody's secret. */
static uint32_t tail_hash(struct span tail, uint32_t seed)
{
    uint32_t hash = seed;
    for (size_t i = tail.len; i-- > 0;)
        hash = (hash ^ tail.at[i]) * 16777619u;
    return (hash ^ hash >> 15) % DEEP_BITS;
}

#define SEED_TOP   2166136261u /* "every name directly below this top-level label asks libpsl" */
#define SEED_PAIR  709607u     /* "every name below these two labels asks libpsl" */
#define SEED_BELOW 40503u      /* "there is a rule below this name" */

static void deep_set(struct list *list, struct span tail, uint32_t seed)
{
    uint32_t at = tail_hash(tail, seed);
    list->deep[at / 64] |= UINT64_C(1) << at % 64;
}

static bool deep_has(const struct list *list, struct span tail, uint32_t seed)
{
    uint32_t at = tail_hash(tail, seed);
    return (list->deep[at / 64] >> at % 64 & 1) != 0;
}

/* The last `count` labels of `text`; all of it when it has no more. */
static struct span last_labels(struct span text, size_t count)
{
    size_t at = text.len;
    while (at > 0) {
        if (text.at[at - 1] == '.' && --count == 0)
            break;
        at--;
    }
    return span_part(text, at, text.len);
}

static void learn_ascii_rule(struct list *list, struct span rule)
{
    size_t labels = dns_labels(rule);
    if (labels > list->labels_max)
        list->labels_max = labels;
    for (size_t i = 1; i < labels; i++)
        deep_set(list, last_labels(rule, i), SEED_BELOW);
    if (labels < 2)
        return;
    struct span pair = last_labels(rule, 2);
    if (pair.at[0] == '*')
        deep_set(list, last_labels(rule, 1), SEED_TOP);
    else
        deep_set(list, pair, SEED_PAIR);
}

/* Its form in A-labels is itself; that holds for nearly all of ten thousand rules. */
static bool is_a_label_rule(struct span rule)
{
    for (size_t i = 0; i < rule.len; i++) {
        uint8_t byte = rule.at[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
                     byte == '-' || byte == '*';
        if (!plain)
            return false;
    }
    return true;
}

/* One line of the list: the rule ends at white space; libpsl knows Unicode rules by their A-labels too. */
static void learn_line(struct list *list, struct span line)
{
    char rule[DNS_TEXT_MAX + 1];
    char *ascii = NULL;
    size_t len = 0;
    if (span_starts(line, SPAN_LIT("//")))
        return;
    if (line.len > 0 && line.at[0] == '!')
        line = span_part(line, 1, line.len);
    while (len < line.len && line.at[len] > ' ')
        len++;
    if (len == 0 || len > DNS_TEXT_MAX)
        return;
    memcpy(rule, line.at, len);
    rule[len] = 0;
    learn_ascii_rule(list, span_of(rule, len));
    if (is_a_label_rule(span_of(rule, len)))
        return;
    if (idn2_to_ascii_8z(rule, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
        learn_ascii_rule(list, span_str(ascii));
    idn2_free(ascii);
}

static void learn(struct list *list, struct span text)
{
    for (size_t begin = 0; begin < text.len;) {
        const uint8_t *newline = memchr(text.at + begin, '\n', text.len - begin);
        size_t end = newline == NULL ? text.len : (size_t)(newline - text.at);
        learn_line(list, span_part(text, begin, end));
        begin = end + 1;
    }
    list->has_deep = true;
}

enum err_code suffix_system_text(struct buf *out, struct err *why)
{
    FILE *file = fopen(system_path, "rbe");
    if (file == NULL)
        return err_set(why, ERR_NOT_FOUND, "%s: %s (Debian package publicsuffix)", system_path,
                       strerror(errno));
    uint8_t piece[16384];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(out, span_of(piece, got));
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return err_set(why, ERR_SYSTEM, "%s: it can not be read", system_path);
    if (!buf_ok(out))
        return err_set(why, ERR_TOO_BIG, "%s: it is larger than its ceiling", system_path);
    return ERR_OK;
}

static psl_ctx_t *psl_of_text(struct span text)
{
    FILE *file = text.len == 0 ? NULL : fmemopen((void *)(uintptr_t)text.at, text.len, "rb");
    if (file == NULL)
        return NULL;
    psl_ctx_t *psl = psl_load_fp(file);
    (void)fclose(file);
    if (psl != NULL && psl_suffix_count(psl) <= 0) {
        psl_free(psl);
        psl = NULL;
    }
    return psl;
}

/* Puts the list of `text` into its place. */
static enum err_code install(_Atomic(struct list *) *place, struct span text, psl_ctx_t *psl, struct err *why)
{
    struct list *list = calloc(1, sizeof *list);
    if (list == NULL) {
        psl_free(psl);
        return err_set(why, ERR_MEMORY, "public suffix list: memory is used up");
    }
    list->psl = psl;
    if (text.at != NULL)
        learn(list, text);
    else
        list->labels_max = DNS_TEXT_MAX;
    list->before = atomic_load(place);
    while (!atomic_compare_exchange_weak(place, &list->before, list))
        ;
    return ERR_OK;
}

enum err_code suffix_load(struct span list, struct err *why)
{
    struct buf text;
    struct err no_text = {0};
    psl_ctx_t *psl;

    if (list.at != NULL) {
        psl = list.len > LIMIT_PSL_BYTES ? NULL : psl_of_text(list);
        if (psl == NULL)
            return err_set(why, ERR_FORMAT, "public suffix list: it has no rules or is too large");
        return install(&list_now, list, psl, why);
    }
    buf_init(&text, LIMIT_PSL_BYTES);
    enum err_code code = suffix_system_text(&text, &no_text);
    psl = code == ERR_OK ? psl_of_text(buf_span(&text)) : NULL;
    if (psl != NULL)
        code = install(&list_now, buf_span(&text), psl, why);
    else if ((psl = psl_latest(NULL)) != NULL)
        code = install(&list_now, SPAN_NONE, psl, why);
    else
        code = err_set(why, ERR_NOT_FOUND, "public suffix list: %s", no_text.text);
    buf_fini(&text);
    return code;
}

enum err_code suffix_load_also(struct span list, struct err *why)
{
    enum err_code code = ERR_OK;
    if (list.at != NULL) {
        psl_ctx_t *psl = list.len > LIMIT_PSL_BYTES ? NULL : psl_of_text(list);
        if (psl == NULL)
            return err_set(why, ERR_FORMAT, "public suffix list: it has no rules or is too large");
        code = install(&list_also, list, psl, why);
    }
    if (code == ERR_OK)
        atomic_store_explicit(&also_counts, list.at != NULL, memory_order_release);
    return code;
}

bool suffix_has_also(void)
{
    return atomic_load_explicit(&also_counts, memory_order_acquire);
}

bool suffix_loaded(void)
{
    return atomic_load_explicit(&list_now, memory_order_acquire) != NULL;
}

static const struct list *list_get(void)
{
    const struct list *list = atomic_load_explicit(&list_now, memory_order_acquire);
    must(list != NULL);
    return list;
}

/* Copies the labels that can decide, with a NUL behind. Returns where in `text` they begin. */
static size_t copy_tail(const struct list *list, struct span text, char out[DNS_TEXT_MAX + 1])
{
    struct span tail = last_labels(text, list->labels_max + 2);
    must(tail.len <= DNS_TEXT_MAX);
    if (tail.len > 0)
        memcpy(out, tail.at, tail.len);
    out[tail.len] = 0;
    return text.len - tail.len;
}

static struct span registrable(const struct list *list, struct span text)
{
    char tail[DNS_TEXT_MAX + 1];
    struct span top = last_labels(text, 1);
    if (top.len == text.len)
        return text;
    struct span pair = last_labels(text, 2);
    if (list->has_deep && !deep_has(list, top, SEED_TOP) && !deep_has(list, pair, SEED_PAIR))
        return pair;
    size_t begin = copy_tail(list, text, tail);
    const char *apex = psl_registrable_domain(list->psl, tail);
    if (apex == NULL)
        return text;
    return span_part(text, begin + (size_t)(apex - tail), text.len);
}

struct span suffix_registrable(struct span text)
{
    return registrable(list_get(), text);
}

struct span suffix_registrable_also(struct span text)
{
    return registrable(atomic_load_explicit(&list_also, memory_order_acquire), text);
}

bool suffix_is_public(struct span text)
{
    const struct list *list = list_get();
    char tail[DNS_TEXT_MAX + 1];
    /* Something cut off in front: longer than any rule. */
    return copy_tail(list, text, tail) == 0 && tail[0] != 0 && psl_is_public_suffix(list->psl, tail) != 0;
}

bool suffix_may_be_below(struct span text)
{
    const struct list *list = list_get();
    return !list->has_deep || deep_has(list, text, SEED_BELOW);
}
