// Which texts calibrate a model, and how they become sequences: an entry of a recipe's
// "data_configs", in Olive's form.
//
//   {
//     "name": "texts_and_chats", "type": "HuggingfaceContainer",
//     "load_dataset_config": {"data_name": "text", "data_files": ["stories.txt", "chats.jsonl"]},
//     "pre_process_data_config": {"strategy": "line-by-line", "max_samples": 256,
//                                 "max_seq_len": 1024, "add_special_tokens": true}
//   }
//
//   DataConfig config = read_data_config(reader, recipe_file.parent_path());
//
// Nothing is fetched: a data set of the hub ("wikitext") can be read, and is refused when a pass
// wants its texts (calibration/data.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::calibration {

// Of .txt files.
enum class Strategy {
  kLineByLine,  // each line is a document; what is longer than max_seq_len is cut off
  kJoin,        // the file is one document, in as many sequences as it takes
};

struct DataConfig {
  std::string name;
  std::string dataset;                       // of the hub, where there are no files
  std::vector<std::filesystem::path> files;  // .txt and .jsonl
  Strategy strategy = Strategy::kLineByLine;
  int64_t max_samples = 256;       // sequences; of more, as many are taken, evenly spread
  int64_t max_seq_len = 4096;      // tokens of a sequence, <bos> included
  bool add_special_tokens = true;  // <bos> before a document; chats get what their template says
};

// Reads one entry; relative files are in `base`. Errors, unknown keys among them, are recorded in
// the reader's document. "subset", "split" and the like only say more about a data set of the hub.
DataConfig read_data_config(JsonReader& reader, const std::filesystem::path& base);

}  // namespace lapidary::calibration
