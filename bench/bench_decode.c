/* Decode a get-entries reply: parser/getentries.h by each way of parser/base64.h against Jansson +
 * EVP_DecodeBlock, over 256 entries of about 5 kB of JSON each; as Go writes it, and the same with what makes
 * it slower. All take turns in every round, so that a busy machine disturbs them alike; medians are printed,
 * and ratios of the same run. usage: bench_decode [REPLY.json] (a captured reply instead of made ones) */
#include <jansson.h>

#include "bench/certmill.h"
#include "parser/getentries.h"

#define ENTRIES 256
#define ROOM    ((size_t)64 << 20)
#define ROUNDS  31
#define PASSES  16          /* of ours in a round, one of theirs */
#define JANSSON BASE64_WAYS /* the rival behind the ways */

static uint64_t sink;

static size_t put_base64(char *out, const struct span *pieces, size_t count)
{
    static uint8_t joined[1 << 16];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(joined + len, pieces[i].at, pieces[i].len);
        len += pieces[i].len;
    }
    return (size_t)EVP_EncodeBlock((uint8_t *)out, joined, (int)len);
}

/* Leaf with one certificate, extra data with two more, which is what most entries have. */
static size_t make_reply(char *out)
{
    struct certmill mill;
    size_t len = (size_t)snprintf(out, ROOM, "{\"entries\":[");

    certmill_make(&mill, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        const struct span leaf[] = {SPAN_LIT("\0\0\0\0\1\x9b\0\0\0\0\0\0\0\3\0"), mill.certs[i]};
        const struct span extra[] = {SPAN_LIT("\0\7\0\0\3\0"), mill.certs[(i + 1) % ENTRIES],
                                     mill.certs[(i + 2) % ENTRIES]};
        len += (size_t)snprintf(out + len, ROOM - len, "%s{\"leaf_input\":\"", i == 0 ? "" : ",");
        len += put_base64(out + len, leaf, countof(leaf));
        len += (size_t)snprintf(out + len, ROOM - len, "\",\"extra_data\":\"");
        len += put_base64(out + len, extra, countof(extra));
        len += (size_t)snprintf(out + len, ROOM - len, "\"}");
    }
    certmill_free(&mill);
    return len + (size_t)snprintf(out + len, ROOM - len, "]}");
}

/* The same text as other writers put it: "/" as "\/", or a blank behind each colon and comma and entries on
 * lines of their own. */
static size_t rewrite(const char *in, size_t len, char *out, bool slashes)
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        if (slashes && in[i] == '/')
            out[used++] = '\\';
        if (!slashes && in[i] == '{')
            used += (size_t)snprintf(out + used, 8, "\n    ");
        out[used++] = in[i];
        if (!slashes && (in[i] == ':' || in[i] == ','))
            out[used++] = ' ';
    }
    return used;
}

static size_t decode_ours(enum base64_way way, struct span json, struct arena *arena)
{
    static struct getentries_item items[65536];
    struct getentries_page page = {items, countof(items), 0};

    must(getentries_decode_by(way, json, arena, &page, NULL) == ERR_OK);
    sink += items[0].leaf_input.at[0];
    arena_reset(arena, 16u << 20);
    return page.count;
}

static void decode_string(const json_t *text)
{
    static uint8_t out[1 << 20];

    sink += (uint64_t)EVP_DecodeBlock(out, (const uint8_t *)json_string_value(text),
                                      (int)json_string_length(text));
}

static size_t decode_jansson(struct span json)
{
    json_t *root = json_loadb((const char *)json.at, json.len, 0, NULL);
    json_t *entries = json_object_get(root, "entries");
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        decode_string(json_object_get(entry, "leaf_input"));
        decode_string(json_object_get(entry, "extra_data"));
    }
    i = json_array_size(entries);
    json_decref(root);
    return i;
}

/* Nanoseconds an entry. */
static double once(unsigned rival, struct span json, struct arena *arena)
{
    size_t entries = 0;
    int64_t begin = certmill_cpu_ns();

    if (rival == JANSSON)
        entries = decode_jansson(json);
    for (int pass = 0; rival != JANSSON && pass < PASSES; pass++)
        entries += decode_ours((enum base64_way)rival, json, arena);
    return (double)(certmill_cpu_ns() - begin) / (double)entries;
}

static bool found(unsigned rival)
{
    return rival == JANSSON || base64_way_found((enum base64_way)rival);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(const char *what, struct span json, struct arena *arena)
{
    static double took[BASE64_WAYS + 1][ROUNDS];
    size_t entries = decode_ours(BASE64_PORTABLE, json, arena);

    for (size_t round = 0; round < ROUNDS; round++)
        for (unsigned rival = 0; rival <= JANSSON; rival++)
            took[rival][round] = found(rival) ? once(rival, json, arena) : 0;
    for (unsigned rival = 0; rival <= JANSSON; rival++)
        qsort(took[rival], ROUNDS, sizeof(double), by_size);
    const double *jansson = took[JANSSON];
    printf("%s: %zu entries, %zu bytes of JSON each; Jansson + EVP_DecodeBlock %.0f ns an entry\n", what,
           entries, json.len / entries, jansson[ROUNDS / 2]);
    for (unsigned rival = 0; rival < JANSSON; rival++) {
        const double middle = took[rival][ROUNDS / 2];
        printf("  %-9s", base64_way_name((enum base64_way)rival));
        if (found(rival))
            printf("%7.0f ns an entry %7.0f MB/s %7.1fx   (best of both: %.1fx)\n", middle,
                   (double)json.len / (double)entries / middle * 1000, jansson[ROUNDS / 2] / middle,
                   jansson[0] / took[rival][0]);
        else
            puts("not on this processor");
    }
}

int main(int argc, char **argv)
{
    char *json = calloc(1, ROOM + ARENA_PADDING);
    char *other = calloc(1, ROOM + ARENA_PADDING);
    struct arena arena;

    must(json != NULL && other != NULL && arena_init(&arena, ROOM));
    if (argc > 1) {
        FILE *file = fopen(argv[1], "rb");
        must(file != NULL);
        size_t len = fread(json, 1, ROOM, file);
        (void)fclose(file);
        compare(argv[1], span_of(json, len), &arena);
    } else {
        size_t len = make_reply(json);
        compare("as Go writes it", span_of(json, len), &arena);
        compare("slashes escaped", span_of(other, rewrite(json, len, other, true)), &arena);
        compare("with blanks", span_of(other, rewrite(json, len, other, false)), &arena);
    }
    arena_fini(&arena);
    free(other);
    free(json);
    return sink == 0;
}
