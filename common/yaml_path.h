#ifndef COMMON_YAML_PATH_H
#define COMMON_YAML_PATH_H

/*
 * Names one value in a YAML or JSON file: `image.tag`, `spec.containers[0].image`, `containers[name=web].image`,
 * `annotations."example.org/version"`. Keys with anything but letters, digits, `_`, `-` and `/` stand in quotes. Pure.
 */

#include "common/yaml_marks.h"

enum yaml_step_kind { YAML_STEP_KEY, YAML_STEP_INDEX, YAML_STEP_MATCH };

struct yaml_step {
	enum yaml_step_kind kind;
	struct str name;  /* of a key; of a match the key that is looked at */
	struct str value; /* of a match */
	int64_t index;
	struct str until; /* the path up to here, for messages */
};

struct yaml_path {
	struct str text;
	struct yaml_step *steps;
	size_t count;
};

bool yaml_path_read(struct str text, struct yaml_path *ret, struct arena *arena, struct err *err);

/* The value there, in the only document of the file that has it. ERR_NOT_FOUND names what is nearest, ERR_INVALID what
 * can be meant in two ways. What an alias shows elsewhere is not found by way of it. */
bool yaml_path_find(const struct yaml_path *path, const struct marked_file *file, struct marked_node **ret,
	struct arena *arena, struct err *err);

#endif
