#include "cli/certplace.h"

#include "base/text.h"
#include "cli/cmd.h"

static void layer_raw(const struct certplace_layer *layer, struct buf *out)
{
    static const char *const one_of[SNIFF_COUNT] = {
        [SNIFF_CERTIFICATE] = "certificate", [SNIFF_PKCS7] = "certificate",     [SNIFF_BASE64] = "line",
        [SNIFF_GET_ENTRIES] = "entry",       [SNIFF_GET_ROOTS] = "certificate", [SNIFF_ENTRY] = "entry",
        [SNIFF_DATA_TILE] = "entry",
    };

    if (layer->kind == SNIFF_PEM) {
        buf_fmt(out, "PEM block %u (", layer->number);
        buf_put(out, layer->label);
        buf_byte(out, ')');
        return;
    }
    buf_str(out, sniff_sentence(layer->kind));
    if (layer->number != 0)
        buf_fmt(out, ", %s %u", one_of[layer->kind] == NULL ? "part" : one_of[layer->kind], layer->number);
}

void certplace_raw(const struct certplace *place, struct buf *out)
{
    buf_str(out, place->file);
    for (unsigned i = 0; i < place->depth; i++) {
        const struct certplace_layer *layer = &place->layer[i];
        /* What is in a PEM block is what its label says. */
        if (layer->kind == SNIFF_CERTIFICATE && layer->number == 0 && i != 0)
            continue;
        buf_str(out, i == 0 ? ": " : ", ");
        layer_raw(layer, out);
    }
}

void certplace_text(const struct certplace *place, struct buf *out)
{
    struct buf raw;

    buf_init(&raw, 1u << 20);
    certplace_raw(place, &raw);
    text_visible(out, buf_span(&raw));
    buf_fini(&raw);
}

json_t *certplace_json(const struct certplace *place)
{
    json_t *object = json_object();
    json_t *layers = json_array();

    must(object != NULL && layers != NULL);
    for (unsigned i = 0; i < place->depth; i++)
        must(json_array_append_new(layers, json_string(sniff_form(place->layer[i].kind))) == 0);
    must(json_object_set_new(object, "file", cmd_json_latin1(span_str(place->file))) == 0);
    must(json_object_set_new(object, "layers", layers) == 0);
    must(json_object_set_new(object, "number", json_integer(place->count)) == 0);
    return object;
}
