/* Whatever a file holds: what people see of it is well-formed UTF-8 in lines without a control byte, each
 * certificate begins with its name and ends with an empty line, and programs get an object for each as well.
 */
#include "base/arena.h"
#include "base/dns.h"
#include "base/text.h"
#include "cli/certfile.h"
#include "cli/certhuman.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES (64u << 20)

static void show(void *arg, const struct certview *view)
{
    struct buf *out = arg;
    size_t before = out->len;

    certhuman_text(view, &(struct certhuman){.now_s = 1795262400}, out);
    must(buf_ok(out) && out->len > before + 2 && out->at[before] != '\n');
    must(out->at[out->len - 1] == '\n' && out->at[out->len - 2] == '\n');
    json_t *object = certview_json(view);
    must(object != NULL && json_object_get(object, "input") != NULL);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    static struct arena arena;
    struct err why = {0};
    struct buf out;

    if (!ready)
        must(arena_init(&arena, ARENA_BYTES) &&
             dns_psl_load(SPAN_LIT("com\norg\nexample\n"), NULL) == ERR_OK);
    ready = true;
    uint8_t *copy = arena_take(&arena, size + ARENA_PADDING, 1);
    must(copy != NULL);
    if (size != 0)
        memcpy(copy, data, size);
    buf_init(&out, 1u << 30);
    enum err_code code = certfile_walk("file", span_of(copy, size), &arena, show, &out, &why);
    must(code == why.code && (code != ERR_OK || out.len != 0));
    must(text_is_utf8(buf_span(&out)));
    for (size_t i = 0; i < out.len; i++)
        must(out.at[i] == '\n' || (out.at[i] >= 0x20 && out.at[i] != 0x7f));
    buf_fini(&out);
    arena_reset(&arena, 1u << 20);
    return 0;
}
