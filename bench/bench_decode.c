/* Decode a get-entries reply: parser/getentries.h against Jansson + EVP_DecodeBlock, in the same run, over
 * 256 entries of about 5 kB of JSON each. usage: bench_decode [REPLY.json] (a captured reply instead of a
 * made one) */
#include <jansson.h>

#include "bench/certmill.h"
#include "parser/getentries.h"

#define ENTRIES 256
#define ROOM    ((size_t)64 << 20)

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

static size_t decode_ours(struct span json, struct arena *arena)
{
    static struct getentries_item items[65536];
    size_t count = 0;

    must(getentries_decode(json, arena, items, countof(items), &count, NULL) == ERR_OK);
    sink += items[0].leaf_input.at[0];
    arena_reset(arena, 16u << 20);
    return count;
}

static void decode_string(const json_t *text)
{
    static uint8_t out[1 << 20];

    sink += (uint64_t)EVP_DecodeBlock(out, (const uint8_t *)json_string_value(text),
                                      (int)json_string_length(text));
}

static size_t decode_jansson(struct span json, struct arena *arena)
{
    json_t *root = json_loadb((const char *)json.at, json.len, 0, NULL);
    json_t *entries = json_object_get(root, "entries");
    json_t *entry;
    size_t i;

    (void)arena;
    json_array_foreach(entries, i, entry)
    {
        decode_string(json_object_get(entry, "leaf_input"));
        decode_string(json_object_get(entry, "extra_data"));
    }
    i = json_array_size(entries);
    json_decref(root);
    return i;
}

static double measure(size_t (*decode)(struct span, struct arena *), struct span json, struct arena *arena,
                      int passes)
{
    double best = 1e18;

    for (int round = 0; round < 7; round++) {
        size_t entries = 0;
        int64_t begin = certmill_cpu_ns();
        for (int pass = 0; pass < passes; pass++)
            entries += decode(json, arena);
        double ns = (double)(certmill_cpu_ns() - begin) / (double)entries;
        best = ns < best ? ns : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    char *json = calloc(1, ROOM + ARENA_PADDING);
    struct arena arena;
    size_t len;

    must(json != NULL && arena_init(&arena, ROOM));
    if (argc > 1) {
        FILE *file = fopen(argv[1], "rb");
        must(file != NULL);
        len = fread(json, 1, ROOM, file);
        (void)fclose(file);
    } else {
        len = make_reply(json);
    }
    size_t entries = decode_ours(span_of(json, len), &arena);
    double ours = measure(decode_ours, span_of(json, len), &arena, 40);
    double jansson = measure(decode_jansson, span_of(json, len), &arena, 2);
    printf("reply: %zu entries, %zu bytes of JSON each\n", entries, len / entries);
    printf("decode: %8.0f ns an entry (%.0f MB/s)   Jansson + EVP %8.0f ns   %6.1fx\n", ours,
           (double)len / (double)entries / ours * 1000, jansson, jansson / ours);
    arena_fini(&arena);
    free(json);
    return sink == 0;
}
