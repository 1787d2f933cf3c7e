/* Property: an organisation, e-mail address or URI of any bytes comes back from its word as it was, the word
 * holds no blank and no control byte, keys stay inside their room; and words of any bytes are read without
 * more names than words. */
#include "base/limits.h"
#include "db/others.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool short_key(void *arg, struct span key)
{
    (void)arg;
    must(key.len != 0 && key.len <= OTHERS_KEY_MAX);
    return true;
}

static void there_and_back(struct span text, struct arena *arena)
{
    struct name name = {.kind = text.len % 2 == 0 ? NAME_EMAIL : NAME_URI, .raw = text, .text = text};
    struct issuance there = {
        .names = &name, .name_count = 1, .orgs = &text, .org_count = 1, .subject_cn = text};
    struct name room[1];
    struct issuance back = {.names = room};
    struct buf out;
    buf_init(&out, LIMIT_COPY_BYTES);
    must(others_put(&out, &there) && buf_ok(&out));
    for (size_t i = 0; i < out.len; i++)
        must(out.at[i] >= 0x20 && out.at[i] < 0x7f);
    must(others_keys(&there, short_key, NULL));
    must(others_count(buf_span(&out)) <= 3);
    must(others_get(buf_span(&out), arena, &back) && back.name_count == 1 && back.org_count == 1);
    must(span_eq(room[0].text, text) && room[0].kind == name.kind && span_eq(back.orgs[0], text));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct name room[65536];
    struct span text = span_of(data, size);
    struct issuance back = {.names = room};
    struct arena arena;
    if (size >= countof(room))
        return 0;
    must(arena_init(&arena, 8u << 20));
    there_and_back(text, &arena);
    must(others_get(text, &arena, &back));
    must(back.name_count + back.org_count <= others_count(text));
    arena_fini(&arena);
    return 0;
}
