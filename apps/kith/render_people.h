/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and contacts, for people. */
#ifndef KITH_APPS_RENDER_PEOPLE_H
#define KITH_APPS_RENDER_PEOPLE_H

#include <jansson.h>

void render_requests(const json_t *result);
void render_contacts(const json_t *result);

#endif
