#include "watcher/vague.h"

bool vague_name(const struct name *name)
{
    if (name->kind != NAME_DNS)
        return name->kind == NAME_IP && name->raw.len != 4 && name->raw.len != 16;
    return (name->flags & NAME_PLACEHOLDER) != 0 ||
           (name->text.len > 1 && memchr(name->text.at + 1, '*', name->text.len - 1) != NULL);
}

bool vague_any(const struct issuance *issuance)
{
    bool vague = false;
    for (size_t i = 0; !vague && i < issuance->name_count; i++)
        vague = vague_name(&issuance->names[i]);
    return vague;
}

bool vague_lost(const struct issuance *issuance, const struct finding_set *oddities)
{
    if (finding_names_lost(oddities))
        return true;
    for (size_t i = 0; i < issuance->name_count; i++) {
        if (issuance->names[i].kind == NAME_DNS && span_eq(issuance->names[i].text, SPAN_LIT("?")))
            return true;
    }
    return false;
}
