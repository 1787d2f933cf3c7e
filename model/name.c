#include "model/name.h"

const char *name_kind_name(enum name_kind kind)
{
    static const char *const names[] = {"dns", "ip", "email", "uri", "directory", "other"};
    must((unsigned)kind < countof(names));
    return names[kind];
}
