/* What the JSON of certificates is put together from: bytes, identifiers and names in the spelling that
 * cli/certview.h promises. Every value is new and owned by the caller. */
#ifndef CTVIGIL_CERTJSON_H
#define CTVIGIL_CERTJSON_H

#include <jansson.h>

#include "parser/dn.h"

/* Both take the value over; must() that there is one and that memory is. */
void certjson_set(json_t *object, const char *key, json_t *value);
void certjson_append(json_t *array, json_t *value);

json_t *certjson_latin1(struct span bytes);      /* one character per byte */
json_t *certjson_hex(struct span bytes);         /* lower case */
json_t *certjson_hex_or_null(struct span bytes); /* null when absent */
json_t *certjson_dotted(struct span oid);        /* "2.5.4.3"; null when absent */
/* Content octets of an INTEGER as signed hex without leading zeros; null when absent. */
json_t *certjson_integer(struct span integer);
/* An attribute value as Unicode; octets that are not what their string type promises come out as Latin-1, and
 * values that are no text as hex. */
json_t *certjson_attr(const struct dn_attr *attr);
/* List of RDNs, each a sorted list of [oid, value]. */
json_t *certjson_name(struct span name);

#endif
