#include "watcher/lookalike.h"

#include <stdlib.h>

#include "base/dns.h"
#include "base/hash.h"

#define NONE UINT32_MAX

/* Letters a brand must have before one (two) typing errors are looked for; of two none is in the first
 * letter. */
#define ONE_ERROR   3
#define TWO_ERRORS  10
#define LETTERS_MAX LIKENESS_LETTERS_MAX

#define GRAM          4
#define BITS_PER_GRAM 64
#define WORDS_MIN     64

struct brand {
    struct likeness_brand like;
    uint32_t watch;
};

/* A brand as it is looked for inside of labels: in one reading, and once more in the other where it differs.
 */
struct spelling {
    uint32_t brand;
    uint32_t next; /* with the same first letters */
    bool pairs;
};

/* What is left of a brand without some letters. */
struct rest {
    uint32_t tag; /* of its hash; which place in the table it has says the rest */
    uint32_t brand;
};

/* What a letter is read as, and which pairs that are read as one letter it can begin or end. */
struct fold {
    uint8_t letter;
    uint8_t begins;
    uint8_t ends;
};

struct lookalike {
    struct fold folds[256];
    struct brand *brands;
    size_t count;
    struct spelling *spellings;
    size_t spelling_count;
    uint64_t letter[256]; /* the code of each letter in the polynomial: random */
    uint64_t power[LETTERS_MAX + 1];
    uint64_t inverse[3]; /* of the base: none, once, twice */
    uint64_t one_near;   /* bit n: a label of n letters is within one error of some brand's length */
    uint64_t two_near;
    uint64_t *filter; /* two bits of one word for each rest: most misses end here */
    unsigned filter_shift;
    struct rest *rests;
    size_t rest_mask;
    uint64_t *grams; /* a bit for each hash of the first letters of a brand */
    unsigned gram_shift;
    uint32_t *heads; /* first spelling with these letters */
    size_t head_mask;
};

struct question {
    const struct lookalike *all;
    struct span text;
    struct span apex;
    lookalike_hit *hit;
    void *arg;
    uint32_t asked[16]; /* brands this name was held against last */
    size_t asked_count;
};

static struct fold fold_of(uint8_t c)
{
    struct fold f = {skeleton_letter(c), 0, 0};
    if (c == '-' || c == '.' || c == '_')
        f.letter = '.';
    f.begins = c == 'r' ? 1 : c == 'v' ? 2 : c == 'c' ? 4 : 0;
    f.ends = c == 'n' ? 1 : c == 'v' ? 2 : c == 'l' || c == '1' ? 4 : 0;
    return f;
}

/* The sums of a label from which the hash without any one or two letters is an addition. */
struct sums {
    size_t len;
    uint64_t all;                 /* nothing left out */
    uint64_t last;                /* to be added to first[i]: without letter i */
    uint64_t first[LETTERS_MAX];  /* U */
    uint64_t second[LETTERS_MAX]; /* V */
};

static void sums_make(const struct lookalike *all, const uint8_t *letters, size_t len, struct sums *s)
{
    uint64_t sum = 0;
    s->len = len;
    for (size_t i = 0; i < len; i++) {
        uint64_t next = sum + all->letter[letters[i]] * all->power[i];
        s->first[i] = sum - next * all->inverse[1];
        s->second[i] = sum * all->inverse[1] - next * all->inverse[2];
        sum = next;
    }
    s->all = sum;
    s->last = sum * all->inverse[1];
    for (size_t i = 0; i < len; i++)
        s->second[i] += sum * all->inverse[2];
}

static inline uint64_t filter_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 32 & 63) | UINT64_C(1) << (hash >> 38 & 63);
}

static inline bool filter_has(const struct lookalike *all, uint64_t hash)
{
    uint64_t word = all->filter[hash >> all->filter_shift];
    return (word >> (hash >> 32 & 63) & word >> (hash >> 38 & 63) & 1) != 0;
}

static inline size_t rest_place(const struct lookalike *all, uint64_t hash)
{
    return (size_t)(hash >> 20 ^ hash >> 44) & all->rest_mask;
}

static void ask(struct question *q, uint32_t at)
{
    struct likeness like;
    for (size_t i = 0; i < q->asked_count && i < countof(q->asked); i++) {
        if (q->asked[i] == at)
            return;
    }
    q->asked[q->asked_count++ % countof(q->asked)] = at;
    const struct brand *brand = &q->all->brands[at];
    if (likeness_judge(&brand->like, q->text, q->apex, &like))
        q->hit(q->arg, brand->watch, &like);
}

__attribute__((noinline)) static void ask_rest(struct question *q, uint64_t hash)
{
    const struct lookalike *all = q->all;
    uint32_t tag = (uint32_t)hash;
    for (size_t at = rest_place(all, hash); all->rests[at].brand != NONE; at = (at + 1) & all->rest_mask) {
        if (all->rests[at].tag == tag)
            ask(q, all->rests[at].brand);
    }
}

static inline void probe(struct question *q, uint64_t hash)
{
    if (__builtin_expect(filter_has(q->all, hash), 0))
        ask_rest(q, hash);
}

/* (1) of the header. */
static void find_errors(struct question *q, const uint8_t *letters, size_t len)
{
    const struct lookalike *all = q->all;
    struct sums s;
    if (len == 0 || len > LETTERS_MAX)
        return;
    sums_make(all, letters, len, &s);
    probe(q, s.all);
    if ((all->one_near >> len & 1) == 0)
        return;
    for (size_t i = 0; i < len; i++)
        probe(q, s.first[i] + s.last);
    if ((all->two_near >> len & 1) == 0)
        return;
    for (size_t i = 1; i + 1 < len; i++) {
        uint64_t first = s.first[i];
        for (size_t j = i + 1; j < len; j++)
            probe(q, first + s.second[j]);
    }
}

static inline uint32_t gram_at(const uint8_t *letters)
{
    uint32_t gram;
    memcpy(&gram, letters, sizeof gram);
    return gram;
}

static inline uint64_t gram_hash(const struct lookalike *all, uint32_t gram)
{
    return gram * (all->letter[0] | 1);
}

static bool is_spelled(const uint8_t *letters, const uint8_t *skeleton, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (letters[i] != skeleton[i] && !(letters[i] == '.' && (skeleton[i] == '-' || skeleton[i] == '_')))
            return false;
    }
    return true;
}

/* Three letters stand anywhere: only as a word of their own are they a brand. */
static void ask_gram(struct question *q, const uint8_t *letters, uint64_t hash)
{
    const struct lookalike *all = q->all;
    for (uint32_t at = all->heads[hash >> 32 & all->head_mask]; at != NONE; at = all->spellings[at].next) {
        const struct spelling *spelling = &all->spellings[at];
        const struct likeness_brand *brand = &all->brands[spelling->brand].like;
        size_t len = spelling->pairs ? brand->pairs_len : brand->plain_len;
        if (!is_spelled(letters, spelling->pairs ? brand->pairs : brand->plain, len) ||
            (len < GRAM && (letters[-1] != '.' || letters[len] != '.')))
            continue;
        ask(q, spelling->brand);
    }
}

/* (2): letters[-1] and letters[len] up to letters[len + GRAM - 1] are gaps. */
static void find_inside(struct question *q, const uint8_t *letters, size_t len)
{
    const struct lookalike *all = q->all;
    for (size_t i = 0; i + LIKENESS_LABEL_MIN <= len; i++) {
        uint64_t hash = gram_hash(all, gram_at(letters + i));
        uint64_t bit = hash >> all->gram_shift;
        if (__builtin_expect((all->grams[bit >> 6] >> (bit & 63) & 1) != 0, 0))
            ask_gram(q, letters + i, hash);
    }
}

#define ROOM (DNS_TEXT_MAX + 2 * GRAM)

static void gaps_around(uint8_t room[ROOM], size_t len)
{
    room[0] = '.';
    memset(room + 1 + len, '.', GRAM);
}

/* The letters of a label that were read in another way than one by one; '-' becomes a gap. */
static size_t skeleton_gaps(struct span label, bool pairs, uint8_t out[SKELETON_MAX])
{
    size_t len = skeleton_of(label, pairs, out);
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '-' || out[i] == '_' ? '.' : out[i];
    return len;
}

/* Labels that have pairs of letters or are no ASCII: the second reading. */
static void find_readings(struct question *q, struct span rest)
{
    uint8_t room[ROOM];
    while (rest.len != 0) {
        const uint8_t *dot = memchr(rest.at, '.', rest.len);
        struct span label = span_part(rest, 0, dot == NULL ? rest.len : (size_t)(dot - rest.at));
        rest = dot == NULL ? span_part(rest, 0, 0) : span_part(rest, label.len + 1, rest.len);
        for (int pairs = 0; pairs < 2; pairs++) {
            size_t len = skeleton_gaps(label, pairs != 0, room + 1);
            gaps_around(room, len);
            find_inside(q, room + 1, len);
        }
    }
}

static bool is_alabel_in(struct span rest)
{
    while (rest.len > 4) {
        const uint8_t *x = memchr(rest.at, 'x', rest.len - 3);
        if (x == NULL)
            return false;
        if (memcmp(x, "xn--", 4) == 0)
            return true;
        rest = span_part(rest, (size_t)(x - rest.at) + 1, rest.len);
    }
    return false;
}

void lookalike_find(const struct lookalike *all, struct span text, struct span apex, bool again,
                    lookalike_hit *hit, void *arg)
{
    struct question q = {.all = all, .text = text, .apex = apex, .hit = hit, .arg = arg};
    uint8_t room[ROOM];
    uint8_t other[SKELETON_MAX];
    uint8_t *letters = room + 1;
    if (apex.len == 0 || text.len < apex.len || text.len > DNS_TEXT_MAX)
        return;
    const uint8_t *dot = memchr(apex.at, '.', apex.len);
    size_t label_len = dot == NULL ? apex.len : (size_t)(dot - apex.at);
    size_t begin = text.len - apex.len;
    size_t len = begin + label_len;
    uint8_t pairs = 0;
    uint8_t before = 0;
    for (size_t i = 0; i < len; i++) {
        const struct fold *f = &all->folds[text.at[i]];
        letters[i] = f->letter;
        pairs |= before & f->ends;
        before = f->begins;
    }
    gaps_around(room, len);
    find_inside(&q, letters, len);
    struct span rest = span_part(text, 0, len);
    bool unicode = is_alabel_in(rest);
    if (__builtin_expect(pairs != 0 || unicode, 0))
        find_readings(&q, rest);
    if (again)
        return;
    bool www = span_starts(apex, SPAN_LIT("www"));
    find_errors(&q, letters + begin, label_len);
    if (__builtin_expect(www, 0))
        find_errors(&q, letters + begin + 3, label_len - 3);
    for (int reading = pairs == 0 && !unicode ? 2 : 0; reading < 2 && label_len < SKELETON_MAX; reading++) {
        size_t other_len = skeleton_gaps(span_part(apex, 0, label_len), reading != 0, other);
        find_errors(&q, other, other_len);
        if (www && other_len > 3)
            find_errors(&q, other + 3, other_len - 3);
    }
}

static uint64_t inverse_of(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 6; i++)
        x *= 2 - odd * x;
    return x;
}

static void numbers_make(struct lookalike *all)
{
    uint64_t base;
    for (unsigned c = 0; c < countof(all->folds); c++)
        all->folds[c] = fold_of((uint8_t)c);
    hash_random(all->letter, sizeof all->letter);
    hash_random(&base, sizeof base);
    base = base * 8 + 3;
    all->inverse[0] = 1;
    all->inverse[1] = inverse_of(base);
    all->inverse[2] = all->inverse[1] * all->inverse[1];
    all->power[0] = 1;
    for (size_t i = 1; i < countof(all->power); i++)
        all->power[i] = all->power[i - 1] * base;
}

/* How many rests a brand of so many letters has. */
static size_t rests_of(size_t letters)
{
    size_t count = 1;
    if (letters >= ONE_ERROR)
        count += letters;
    if (letters >= TWO_ERRORS)
        count += letters * (letters - 1) / 2;
    return letters > LETTERS_MAX ? 0 : count;
}

static bool tables_new(struct lookalike *all)
{
    size_t rests = 0;
    size_t heads = 16;
    size_t words = WORDS_MIN;
    size_t slots = 64;
    unsigned gram_bits = 15;
    for (size_t i = 0; i < all->count; i++)
        rests += rests_of(all->brands[i].like.plain_len) + rests_of(all->brands[i].like.pairs_len);
    while (words * 4 < rests)
        words *= 2;
    while (slots < 2 * rests)
        slots *= 2;
    while (heads < 4 * all->count)
        heads *= 2;
    while ((UINT64_C(1) << gram_bits) < BITS_PER_GRAM * (uint64_t)all->count)
        gram_bits++;
    all->filter_shift = 64 - (unsigned)__builtin_ctzll(words);
    all->gram_shift = 64 - gram_bits;
    all->rest_mask = slots - 1;
    all->head_mask = heads - 1;
    all->filter = calloc(words, sizeof *all->filter);
    all->rests = malloc(slots * sizeof *all->rests);
    all->grams = calloc((size_t)1 << (gram_bits - 6), sizeof *all->grams);
    all->heads = malloc(heads * sizeof *all->heads);
    if (all->filter == NULL || all->rests == NULL || all->grams == NULL || all->heads == NULL)
        return false;
    memset(all->rests, 0xff, slots * sizeof *all->rests);
    memset(all->heads, 0xff, heads * sizeof *all->heads);
    return true;
}

static void rest_add(struct lookalike *all, uint64_t hash, uint32_t brand)
{
    size_t at = rest_place(all, hash);
    uint32_t tag = (uint32_t)hash;
    for (; all->rests[at].brand != NONE; at = (at + 1) & all->rest_mask) {
        if (all->rests[at].brand == brand && all->rests[at].tag == tag)
            return;
    }
    all->rests[at] = (struct rest){tag, brand};
    all->filter[hash >> all->filter_shift] |= filter_bits(hash);
}

static uint64_t near_of(size_t letters, size_t errors)
{
    uint64_t near = 0;
    for (size_t n = letters - errors; n <= letters + errors && n < 64; n++)
        near |= UINT64_C(1) << n;
    return near;
}

static void brand_errors(struct lookalike *all, uint32_t at, const uint8_t *skeleton, size_t len)
{
    uint8_t letters[SKELETON_MAX] = {0};
    struct sums s;
    if (rests_of(len) == 0)
        return;
    for (size_t i = 0; i < len; i++)
        letters[i] = skeleton[i] == '-' || skeleton[i] == '_' ? '.' : skeleton[i];
    sums_make(all, letters, len, &s);
    rest_add(all, s.all, at);
    if (len < ONE_ERROR)
        return;
    all->one_near |= near_of(len, 1);
    for (size_t i = 0; i < len; i++)
        rest_add(all, s.first[i] + s.last, at);
    if (len < TWO_ERRORS)
        return;
    all->one_near |= near_of(len, 2);
    all->two_near |= near_of(len, 2);
    for (size_t i = 1; i < len; i++) {
        for (size_t j = i + 1; j < len; j++)
            rest_add(all, s.first[i] + s.second[j], at);
    }
}

static void spelling_add(struct lookalike *all, uint32_t brand, bool pairs)
{
    const struct likeness_brand *like = &all->brands[brand].like;
    const uint8_t *skeleton = pairs ? like->pairs : like->plain;
    size_t len = pairs ? like->pairs_len : like->plain_len;
    uint8_t first[GRAM] = {'.', '.', '.', '.'};
    for (size_t i = 0; i < GRAM && i < len; i++)
        first[i] = skeleton[i] == '-' || skeleton[i] == '_' ? '.' : skeleton[i];
    uint64_t hash = gram_hash(all, gram_at(first));
    uint64_t bit = hash >> all->gram_shift;
    uint32_t *head = &all->heads[hash >> 32 & all->head_mask];
    all->grams[bit >> 6] |= UINT64_C(1) << (bit & 63);
    all->spellings[all->spelling_count] = (struct spelling){brand, *head, pairs};
    *head = (uint32_t)all->spelling_count++;
}

static bool is_brand(const struct watch *watch, struct likeness_brand *like)
{
    struct span name = span_str(watch->name);
    return watch->lookalike != WATCH_LOOKALIKE_OFF && watch->kind == WATCH_DNS &&
           span_eq(dns_apex(name), name) && likeness_brand_init(like, name);
}

bool lookalike_new(const struct watch *watches, size_t count, struct lookalike **out)
{
    size_t wanted = 0;
    *out = NULL;
    for (size_t i = 0; i < count; i++)
        wanted += watches[i].lookalike != WATCH_LOOKALIKE_OFF;
    if (wanted == 0)
        return true;
    struct lookalike *all = calloc(1, sizeof *all);
    if (all == NULL)
        return false;
    all->brands = calloc(wanted, sizeof *all->brands);
    all->spellings = calloc(2 * wanted, sizeof *all->spellings);
    for (size_t i = 0; i < count && all->brands != NULL; i++) {
        struct brand *brand = &all->brands[all->count];
        if (!is_brand(&watches[i], &brand->like))
            continue;
        brand->watch = (uint32_t)i;
        all->count++;
    }
    if (all->brands == NULL || all->spellings == NULL || !tables_new(all)) {
        lookalike_free(all);
        return false;
    }
    numbers_make(all);
    for (size_t i = 0; i < all->count; i++) {
        const struct likeness_brand *like = &all->brands[i].like;
        brand_errors(all, (uint32_t)i, like->plain, like->plain_len);
        brand_errors(all, (uint32_t)i, like->pairs, like->pairs_len);
        spelling_add(all, (uint32_t)i, false);
        if (like->pairs_len != like->plain_len)
            spelling_add(all, (uint32_t)i, true);
    }
    *out = all;
    return true;
}

void lookalike_free(struct lookalike *all)
{
    if (all == NULL)
        return;
    free(all->brands);
    free(all->spellings);
    free(all->filter);
    free(all->rests);
    free(all->grams);
    free(all->heads);
    free(all);
}

size_t lookalike_brands(const struct lookalike *all)
{
    return all->count;
}

void lookalike_say(const struct lookalike *all, size_t watch, const struct likeness *like, struct span text,
                   struct span apex, struct buf *out)
{
    size_t low = 0;
    size_t high = all->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(all->brands[middle].watch <= watch ? &low : &high) = middle;
    }
    must(all->count != 0 && all->brands[low].watch == watch);
    likeness_say(&all->brands[low].like, like, text, apex, out);
}
