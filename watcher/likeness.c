#include "watcher/likeness.h"

#include "base/text.h"
#include "watcher/likesay.h"
#include "watcher/likeword.h"

const char *likeness_technique_name(enum likeness_technique technique)
{
    static const char *const names[] = {
        [LIKENESS_NONE] = "none",       [LIKENESS_HOMOGLYPH] = "homoglyph", [LIKENESS_TYPO] = "typo",
        [LIKENESS_BITFLIP] = "bitflip", [LIKENESS_COMBO] = "combo",         [LIKENESS_HOST] = "host",
        [LIKENESS_ENDING] = "ending",
    };
    return names[technique];
}

static struct span first_label(struct span name)
{
    const uint8_t *dot = name.len == 0 ? NULL : memchr(name.at, '.', name.len);
    return span_part(name, 0, dot == NULL ? name.len : (size_t)(dot - name.at));
}

bool likeness_brand_init(struct likeness_brand *brand, struct span domain)
{
    brand->domain = domain;
    brand->label = first_label(domain);
    if (brand->label.len >= SKELETON_MAX)
        return false;
    brand->plain_len = (uint8_t)skeleton_of(brand->label, false, brand->plain);
    brand->pairs_len = (uint8_t)skeleton_of(brand->label, true, brand->pairs);
    return brand->plain_len >= LIKENESS_LABEL_MIN;
}

/* The best so far; a later one must be better. */
static void offer(struct likeness *out, enum likeness_technique technique, int score, struct span label,
                  const char *detail)
{
    score = score > 100 ? 100 : score;
    if (score <= out->score)
        return;
    out->technique = technique;
    out->score = (uint8_t)score;
    out->label = label;
    out->detail = detail;
    out->edits = 0;
}

/* Letters next to each other on QWERTY; QWERTZ and AZERTY differ in few. */
static bool is_neighbour(uint8_t a, uint8_t b)
{
    static const char *const rows[] = {"1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm"};
    int row[2] = {-9, 9};
    int col[2] = {0, 0};
    const uint8_t keys[2] = {a, b};
    for (int k = 0; k < 2; k++) {
        for (int r = 0; r < (int)countof(rows); r++) {
            const char *at = keys[k] == 0 ? NULL : strchr(rows[r], keys[k]);
            row[k] = at == NULL ? row[k] : r;
            col[k] = at == NULL ? col[k] : (int)(at - rows[r]);
        }
    }
    int down = row[1] - row[0];
    int side = col[1] - col[0];
    if (down == 0)
        return side == 1 || side == -1;
    return (down == 1 && (side == 0 || side == -1)) || (down == -1 && (side == 0 || side == 1));
}

static bool is_vowel(uint8_t c)
{
    return c != 0 && strchr("aeiouy", c) != NULL;
}

static bool is_bitflip(uint8_t a, uint8_t b)
{
    uint8_t flip = a ^ b;
    return flip != 0 && (flip & (flip - 1)) == 0;
}

/* Where two strings begin to differ, and where they do from behind. */
struct middle {
    size_t head;
    size_t tail;
};

static struct middle middle_of(struct span a, struct span b)
{
    size_t less = a.len < b.len ? a.len : b.len;
    struct middle m = {0, 0};
    while (m.head < less && a.at[m.head] == b.at[m.head])
        m.head++;
    while (m.tail < less - m.head && a.at[a.len - 1 - m.tail] == b.at[b.len - 1 - m.tail])
        m.tail++;
    return m;
}

/* Points for one typing error that turns the brand into the name: how easily it is made and overlooked, not
 * how long the brand is. 0: it takes more than one. */
static int edit_points(struct span brand, struct span name, bool *flip)
{
    struct middle m = middle_of(brand, name);
    size_t b = brand.len - m.head - m.tail;
    size_t n = name.len - m.head - m.tail;
    const uint8_t *bs = brand.at + m.head;
    const uint8_t *ns = name.at + m.head;
    int first = m.head == 0 ? -12 : 0; /* of the first letter nobody overlooks anything */
    *flip = false;
    if (b == 2 && n == 2 && bs[0] == ns[1] && bs[1] == ns[0])
        return 78 + first;
    if (b == 0 && n == 1) {
        bool twice = (m.head > 0 && name.at[m.head - 1] == *ns) ||
                     (m.head + 1 < name.len && name.at[m.head + 1] == *ns);
        bool outside = m.head == 0 || m.tail == 0;
        bool close = !outside && (is_neighbour(*ns, name.at[m.head - 1]) || is_neighbour(*ns, ns[1]));
        if (*ns == '-')
            return 80;
        return twice ? 78 : close ? 72 : outside ? 58 : 64;
    }
    if (b == 1 && n == 0) {
        bool twice = m.head > 0 && brand.at[m.head - 1] == *bs;
        return (twice || *bs == '-' ? 78 : 70) + first;
    }
    if (b != 1 || n != 1)
        return 0;
    *flip = is_bitflip(*bs, *ns);
    if (is_neighbour(*bs, *ns))
        return 70 + first;
    if (is_vowel(*bs) && is_vowel(*ns))
        return 68 + first;
    return (*flip ? 66 : 58) + first;
}

/* Optimal string alignment, up to `max`; max + 1 when it takes more. */
static unsigned distance(struct span a, struct span b, unsigned max)
{
    uint8_t rows[3][SKELETON_MAX + 1];
    if (a.len > SKELETON_MAX || b.len > SKELETON_MAX)
        return max + 1;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        uint8_t *now = rows[i % 3];
        const uint8_t *one = rows[(i + 2) % 3];
        const uint8_t *two = rows[(i + 1) % 3];
        now[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t best = (uint8_t)(one[j - 1] + (a.at[i - 1] != b.at[j - 1]));
            best = one[j] + 1 < best ? (uint8_t)(one[j] + 1) : best;
            best = now[j - 1] + 1 < best ? (uint8_t)(now[j - 1] + 1) : best;
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
                two[j - 2] + 1 < best)
                best = (uint8_t)(two[j - 2] + 1);
            now[j] = best;
        }
    }
    unsigned result = rows[a.len % 3][b.len];
    return result > max ? max + 1 : result;
}

/* Of two errors none is in the first letter. */
static unsigned errors_in(struct span own, struct span text)
{
    if (text.len == 0 || own.len < LIKENESS_LABEL_MIN || own.len > LIKENESS_LETTERS_MAX ||
        text.len > LIKENESS_LETTERS_MAX)
        return 3;
    unsigned errors = distance(own, text, 2);
    return errors == 2 && own.at[0] != text.at[0] ? 3 : errors;
}

/* In the reading in which there are fewer. */
static unsigned errors_between(struct span own, struct span plain, struct span own_pairs, struct span pairs,
                               int *points, bool *flip)
{
    unsigned one = errors_in(own, plain);
    unsigned other = errors_in(own_pairs, pairs);
    if (one == 1 || other == 1)
        *points = one == 1 ? edit_points(own, plain, flip) : edit_points(own_pairs, pairs, flip);
    return one < other ? one : other;
}

#define LONG_BRAND 10 /* letters from which on two typing errors may still be meant */

static int two_error_points(size_t letters)
{
    return letters >= 14 ? 58 : letters >= 12 ? 52 : 48;
}

/* By how many letters there are to tell a brand from a word that just resembles it. */
static int length_points(size_t letters)
{
    static const int8_t points[] = {-60, -60, -60, -40, -30, -8, -2, 4, 8, 10};
    return letters < countof(points) ? points[letters] : 12;
}

static int same_ending(const struct likeness_brand *brand, struct span apex)
{
    size_t own = brand->domain.len - brand->label.len;
    size_t label = first_label(apex).len;
    return span_eq(span_part(brand->domain, brand->label.len, brand->label.len + own),
                   span_part(apex, label, apex.len))
               ? 4
               : 0;
}

/* The letters are others, what one reads is the same. */
static int homoglyph_points(const struct likeness_brand *brand, struct span label)
{
    if (skeleton_is_alabel(label) || skeleton_is_alabel(brand->label))
        return 96;
    bool digits = false;
    for (size_t i = 0; i < label.len && !digits; i++)
        digits = label.at[i] >= '0' && label.at[i] <= '9' &&
                 memchr(brand->label.at, label.at[i], brand->label.len) == NULL;
    bool pairs = !digits && (label.len != brand->label.len);
    int letters = brand->pairs_len;
    if (digits || pairs)
        return letters >= 6 ? 90 : letters == 5 ? 84 : letters == 4 ? 66 : 50;
    return letters >= 6 ? 80 : letters == 5 ? 66 : 40; /* "i" for "l", "g" for "q" */
}

static void judge_label(const struct likeness_brand *brand, struct span label, struct span apex,
                        struct likeness *out)
{
    uint8_t room[2][SKELETON_MAX];
    if (label.len >= SKELETON_MAX)
        return;
    struct span plain = span_of(room[0], skeleton_of(label, false, room[0]));
    struct span pairs = span_of(room[1], skeleton_of(label, true, room[1]));
    struct span own = span_of(brand->plain, brand->plain_len);
    struct span own_pairs = span_of(brand->pairs, brand->pairs_len);
    int more = same_ending(brand, apex);
    if (span_eq(label, brand->label)) {
        int letters = brand->plain_len;
        offer(out, LIKENESS_ENDING,
              letters >= 8   ? 72
              : letters >= 5 ? 64
              : letters == 4 ? 46
                             : 30,
              label, NULL);
        return;
    }
    if (span_eq(plain, own) || span_eq(pairs, own_pairs)) {
        offer(out, LIKENESS_HOMOGLYPH, homoglyph_points(brand, label) + more, label, NULL);
        return;
    }
    bool flip = false;
    bool ascii = !skeleton_is_alabel(label) && !skeleton_is_alabel(brand->label);
    int points = ascii && label.len <= LIKENESS_LETTERS_MAX ? edit_points(brand->label, label, &flip) : 0;
    unsigned edits = 1;
    if (points == 0)
        edits = errors_between(own, plain, own_pairs, pairs, &points, &flip);
    /* Beside letters that are no longer ASCII one error more is no accident. */
    points += !ascii && points != 0 ? 14 : 0;
    if (edits == 2 && brand->pairs_len >= LONG_BRAND)
        points = two_error_points(brand->pairs_len);
    if (points == 0)
        return;
    offer(out, flip && edits == 1 ? LIKENESS_BITFLIP : LIKENESS_TYPO,
          points + more + length_points(brand->plain_len), label, NULL);
    out->edits = (uint8_t)edits;
}

/* "wwwexampel.com": who forgets the dot makes other errors, too. */
static void judge_www(const struct likeness_brand *brand, struct span label, struct span apex,
                      struct likeness *out)
{
    struct likeness like = {0};
    if (!span_starts(label, SPAN_LIT("www")) || label.len == 3)
        return;
    judge_label(brand, span_part(label, 3, label.len), apex, &like);
    bool error = like.technique == LIKENESS_TYPO || like.technique == LIKENESS_BITFLIP;
    if (error && like.score > out->score)
        *out = like;
}

static bool is_gap(struct span text, size_t at)
{
    return at >= text.len || text.at[at] == '-' || text.at[at] == '.' || text.at[at] == '_';
}

/* Both sides of the brand in a text, as what they are made of. */
struct sides {
    bool bounded[2]; /* a hyphen or nothing stands there */
    enum likeword_weight weight;
    const char *word;
    bool empty;   /* nothing but the brand */
    bool unknown; /* something that is no known word */
};

static struct sides sides_of(struct span text, size_t begin, size_t end)
{
    struct sides s = {.bounded = {begin == 0 || is_gap(text, begin - 1), is_gap(text, end)}};
    const struct span side[2] = {span_part(text, 0, begin), span_part(text, end, text.len)};
    s.empty = begin == 0 && end == text.len;
    for (size_t i = 0; i < 2; i++) {
        const char *word = NULL;
        enum likeword_weight weight = side[i].len == 0 ? LIKEWORD_UNKNOWN : likeword_read(side[i], &word);
        s.unknown = s.unknown || (side[i].len != 0 && weight == LIKEWORD_UNKNOWN);
        s.word = weight > s.weight ? word : s.word;
        s.weight = weight > s.weight ? weight : s.weight;
    }
    return s;
}

static int combo_points(const struct sides *s, int letters)
{
    bool whole = s->bounded[0] && s->bounded[1];
    if (s->weight == LIKEWORD_STRONG && !s->unknown)
        return letters >= 5 ? 86 : letters == 4 ? (whole ? 76 : 68) : whole ? 66 : 34;
    if (s->weight == LIKEWORD_STRONG && whole)
        return letters >= 5 ? 76 : 62;
    if (s->weight == LIKEWORD_STRONG && (s->bounded[0] || s->bounded[1]))
        return letters >= 6 ? 68 : letters == 5 ? 50 : 0;
    if (s->weight != LIKEWORD_UNKNOWN && !s->unknown)
        return letters >= 6 ? 66 : letters == 5 ? (whole ? 62 : 56) : letters == 4 && whole ? 46 : 24;
    if (whole)
        return letters >= 8 ? 64 : letters >= 6 ? 56 : letters == 5 ? 44 : 20;
    return letters >= 9 ? 60 : letters == 8 ? 50 : letters == 7 ? 42 : 0;
}

/* Calls for each place of the brand in the skeleton of one label. */
static void judge_combo(const struct likeness_brand *brand, struct span label, struct span apex,
                        struct likeness *out)
{
    for (int pairs = 0; pairs < 2; pairs++) {
        uint8_t room[SKELETON_MAX];
        struct span own =
            pairs != 0 ? span_of(brand->pairs, brand->pairs_len) : span_of(brand->plain, brand->plain_len);
        struct span text = span_of(room, skeleton_of(label, pairs != 0, room));
        /* Words are known as they are written, so where it can the label itself is taken apart. */
        struct span shown = text.len == label.len ? label : text;
        for (size_t at = 0; own.len >= LIKENESS_LABEL_MIN && at + own.len <= text.len; at++) {
            if (!span_eq(span_part(text, at, at + own.len), own))
                continue;
            struct sides s = sides_of(shown, at, at + own.len);
            bool other = !span_eq(span_part(shown, at, at + own.len), brand->label);
            int points = s.empty ? 0 : combo_points(&s, brand->plain_len);
            if (points != 0)
                offer(out, LIKENESS_COMBO, points + (other ? 6 : 0) + same_ending(brand, apex), label,
                      s.word);
        }
    }
}

/* "example.com" or "example-com" from `at` on, both ends at a gap. */
static bool whole_domain_at(struct span text, size_t at, struct span domain)
{
    if ((at != 0 && !is_gap(text, at - 1)) || text.len - at < domain.len || !is_gap(text, at + domain.len))
        return false;
    for (size_t i = 0; i < domain.len; i++) {
        bool dot = domain.at[i] == '.';
        if (dot ? !is_gap(text, at + i) : skeleton_letter(text.at[at + i]) != skeleton_letter(domain.at[i]))
            return false;
    }
    return true;
}

static const char *word_in(struct span token)
{
    static const char *const words[] = {
        "login",   "logon",   "signin",  "secure",  "security", "verify",  "verif",
        "account", "confirm", "update",  "unlock",  "wallet",   "banking", "billing",
        "recover", "passw",   "authent", "validat", "refund",   "suspend",
    };
    for (size_t i = 0; i < countof(words); i++) {
        if (memmem(token.at, token.len, words[i], strlen(words[i])) != NULL)
            return words[i];
    }
    return NULL;
}

/* A word that asks for something makes more of a bare brand label: among the other labels, or as a part of
 * the domain. One that is the domain's only word ("sharepoint") is how providers call themselves. */
static const char *word_around(struct span text, struct span apex, struct span but)
{
    struct span own = first_label(apex);
    bool joined = memchr(own.at, '-', own.len) != NULL;
    struct span rest = span_part(text, 0, text.len - apex.len + (joined ? own.len : 0));
    while (rest.len != 0) {
        struct span label = first_label(rest);
        const char *word = span_eq(label, but) || label.len == 0 ? NULL : word_in(label);
        if (word != NULL)
            return word;
        rest = label.len == rest.len ? span_part(rest, 0, 0) : span_part(rest, label.len + 1, rest.len);
    }
    return NULL;
}

/* A label left of the registrable domain that is not the brand itself. */
static void judge_host_label(const struct likeness_brand *brand, struct span label, struct likeness *out)
{
    struct likeness like = {0};
    uint8_t room[SKELETON_MAX];
    if (label.len >= SKELETON_MAX)
        return;
    judge_combo(brand, label, SPAN_LIT("-"), &like);
    struct span pairs = span_of(room, skeleton_of(label, true, room));
    if (span_eq(pairs, span_of(brand->pairs, brand->pairs_len)))
        offer(&like, LIKENESS_HOST, homoglyph_points(brand, label) - 6, label, NULL);
    if (like.score > 12)
        offer(out, LIKENESS_HOST, like.score - 12, label, like.detail);
}

/* Alone, the brand is what half of the world calls its customers' hosts. */
static void judge_host_brand(const struct likeness_brand *brand, struct span label, struct span text,
                             struct span apex, struct likeness *out)
{
    const char *word = word_around(text, apex, label);
    int letters = brand->plain_len;
    offer(out, LIKENESS_HOST, letters < 4 ? 20 : word != NULL && letters >= 5 ? 62 : 40, label, word);
}

static void judge_host(const struct likeness_brand *brand, struct span host, struct span text,
                       struct span apex, struct likeness *out)
{
    for (size_t at = 0; at < host.len; at++) {
        if (whole_domain_at(host, at, brand->domain))
            offer(out, LIKENESS_HOST, brand->plain_len >= 4 ? 92 : 84,
                  span_part(host, at, at + brand->domain.len), NULL);
    }
    while (host.len != 0) {
        struct span label = first_label(host);
        host = label.len == host.len ? span_part(host, 0, 0) : span_part(host, label.len + 1, host.len);
        if (span_eq(label, brand->label))
            judge_host_brand(brand, label, text, apex, out);
        else
            judge_host_label(brand, label, out);
    }
}

bool likeness_judge(const struct likeness_brand *brand, struct span text, struct span apex,
                    struct likeness *out)
{
    *out = (struct likeness){.technique = LIKENESS_NONE};
    if (apex.len == 0 || text.len < apex.len || span_eq(apex, brand->domain))
        return false;
    struct span label = first_label(apex);
    judge_label(brand, label, apex, out);
    judge_www(brand, label, apex, out);
    if (label.len < SKELETON_MAX)
        judge_combo(brand, label, apex, out);
    struct span host = span_part(text, 0, text.len == apex.len ? 0 : text.len - apex.len - 1);
    if (span_starts(host, SPAN_LIT("*.")))
        host = span_part(host, 2, host.len);
    if (host.len == 0 || span_eq(host, SPAN_LIT("*")))
        return out->technique != LIKENESS_NONE;
    judge_host(brand, host, text, apex, out);
    return out->technique != LIKENESS_NONE;
}

void likeness_say(const struct likeness_brand *brand, const struct likeness *like, struct span text,
                  struct span apex, struct buf *out)
{
    const struct likesay what = {brand->label, brand->domain, text,       apex,
                                 like->label,  like->detail,  like->edits};
    switch (like->technique) {
    case LIKENESS_HOMOGLYPH:
        likesay_homoglyph(&what, out);
        break;
    case LIKENESS_TYPO:
    case LIKENESS_BITFLIP:
        likesay_typo(&what, like->technique == LIKENESS_BITFLIP, out);
        break;
    case LIKENESS_COMBO:
        likesay_combo(&what, out);
        break;
    case LIKENESS_HOST:
        likesay_host(&what, out);
        break;
    default:
        likesay_ending(&what, out);
        break;
    }
    buf_fmt(out, " (score %u of 100)", like->score);
}
