/* Extensions lie one behind the other and cover the block, or the walk says that it lost the framing. Reading
 * all of them counts the same ones, says "unreadable" whenever the walk met one, and keeps every value inside
 * the block. One alone is read as it was among the others. */
#include "parser/ext.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void check_alone(const struct ext_item *item)
{
    struct finding_set findings = {{0, 0}};
    struct ext ext;
    struct ext_item alone;

    ext_init(&ext, item->whole, &findings);
    must(ext_next(&ext, &alone));
    must(alone.whole.len == item->whole.len && alone.unreadable == item->unreadable);
    must(alone.id == item->id && alone.critical == item->critical && alone.value.at == item->value.at);
    must(!ext_next(&ext, &alone) && !ext.damaged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct finding_set findings = {{0, 0}};
    struct cert cert = {.exts = input, .path_len = -1};
    const uint8_t *at = data;
    struct ext ext;
    struct ext_item item;
    bool unreadable = false;
    bool san = false;
    uint32_t count = 0;

    ext_init(&ext, input, &findings);
    while (ext_next(&ext, &item)) {
        must(item.whole.at == at && item.whole.len >= 2);
        at += item.whole.len;
        inside(input, item.whole);
        inside(item.whole, item.oid);
        inside(item.whole, item.value);
        inside(item.whole, item.head);
        must(item.unreadable || (item.oid.at != NULL && item.value.at != NULL));
        must(item.oid.at == NULL || item.id == oid_find(item.oid));
        unreadable = unreadable || item.unreadable;
        san = san || (!item.unreadable && item.id == OID_EXT_SAN);
        if (count++ < 16)
            check_alone(&item);
    }
    must(ext.damaged || at == data + size);
    ext_read_all(&cert);
    inside_cert(input, &cert);
    must(cert.ext_count == count);
    must(!(unreadable || ext.damaged) || finding_has(&cert.findings, FINDING_EXTENSION_UNREADABLE));
    must(!san || cert.san.at != NULL);
    must(cert.path_len >= -1);
    return 0;
}
