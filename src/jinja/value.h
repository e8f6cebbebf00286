// The values a template computes with: Python's, as far as a template can tell.
//
//   Value list = Value::list({Value(int64_t{1}), Value("two")});
//   std::string shown = repr(list, runtime);  // "[1, 'two']"
//
// Strings, lists, tuples and dicts are immutable once built (the reference environment forbids
// templates to change them), so values share them freely and can form no cycle. Only `Namespace`
// changes; see Runtime::adopt.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/runtime.h"

namespace lapidary::jinja {

class Value;
class Dict;
class Object;
using Items = std::vector<Value>;

// A name or attribute that is not there. Prints as nothing; most operations fail with `message`.
struct Undefined {
  std::shared_ptr<const std::string> message;
};
struct None {};

struct Sequence {
  Items items;
  bool tuple = false;
  bool group = false;  // a tuple of the filter groupby: items answer to .grouper and .list
  int depth = 1;
};

class Value {
 public:
  // Text, and whether it counts as escaped: what Python calls Markup, made by the filters `safe`
  // and `escape`. It makes a difference only when joined by `+` to text that is not.
  struct StringData {
    std::string text;
    bool safe = false;
  };
  using String = std::shared_ptr<const StringData>;
  using List = std::shared_ptr<const Sequence>;
  using DictPtr = std::shared_ptr<const Dict>;
  using ObjectPtr = std::shared_ptr<Object>;

  Value() : data_(Undefined{}) {}
  Value(None) : data_(None{}) {}  // NOLINT: implicit by design
  Value(bool v) : data_(v) {}     // NOLINT
  Value(int64_t v) : data_(v) {}  // NOLINT
  Value(double v) : data_(v) {}   // NOLINT
  Value(std::string v)            // NOLINT
      : data_(std::make_shared<const StringData>(StringData{std::move(v), false})) {}
  Value(std::string_view v) : Value(std::string(v)) {}  // NOLINT
  Value(const char* v) : Value(std::string(v)) {}       // NOLINT
  Value(ObjectPtr v) : data_(std::move(v)) {}           // NOLINT
  Value(DictPtr v) : data_(std::move(v)) {}             // NOLINT
  static Value undefined(std::string message);
  static Value safe(std::string text);
  static Value list(Items items);
  static Value tuple(Items items, bool group = false);
  static Value dict(Dict dict);

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_string() const { return std::holds_alternative<String>(data_); }
  bool is_sequence() const { return std::holds_alternative<List>(data_); }  // list or tuple
  bool is_list() const { return is_sequence() && !sequence().tuple; }
  bool is_tuple() const { return is_sequence() && sequence().tuple; }
  bool is_dict() const { return std::holds_alternative<DictPtr>(data_); }
  bool is_object() const { return std::holds_alternative<ObjectPtr>(data_); }

  // Each requires the matching is_...().
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const { return std::get<int64_t>(data_); }
  double as_float() const { return std::get<double>(data_); }
  const std::string& string() const { return std::get<String>(data_)->text; }
  bool is_safe() const { return is_string() && std::get<String>(data_)->safe; }
  const Sequence& sequence() const { return *std::get<List>(data_); }
  const Items& items() const { return sequence().items; }
  const Dict& dict() const { return *std::get<DictPtr>(data_); }
  Object& object() const { return *std::get<ObjectPtr>(data_); }
  template <typename T>
  T* object_as() const {
    auto* ptr = std::get_if<ObjectPtr>(&data_);
    return ptr == nullptr ? nullptr : dynamic_cast<T*>(ptr->get());
  }
  // The integer of an int or bool; nothing for other kinds.
  std::optional<int64_t> integer() const;
  // The number of a float, int or bool.
  std::optional<double> number() const;
  const std::string& undefined_message() const;
  // How deep containers nest below this value; 0 for scalars.
  int depth() const;
  // True if both are the very same object (Python's `is`).
  bool same_as(const Value& other) const;

 private:
  std::variant<Undefined, None, bool, int64_t, double, String, List, DictPtr, ObjectPtr> data_;
};

// Insertion-ordered. Keys may be any hashable value; strings are indexed.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  int depth() const { return depth_; }
  const Value* find_text(std::string_view key, Runtime& runtime) const;  // of a string key
  const Value* find(const Value& key, Runtime& runtime) const;  // fails for an unhashable key
  void set(Value key, Value value, Runtime& runtime);

 private:
  std::optional<size_t> position_of_text(std::string_view key, Runtime& runtime) const;
  std::optional<size_t> position(const Value& key, Runtime& runtime) const;

  std::vector<Entry> entries_;
  // Of the string keys, whose text the entries hold. A tree, because keys can be chosen so that a
  // hash table becomes a list.
  std::map<std::string_view, size_t> index_;
  bool has_other_keys_ = false;
  int depth_ = 1;
};

// Arguments of a call, filter or test.
struct Arguments {
  Items positional;
  std::vector<std::pair<std::string, Value>> keyword;

  Value* find_keyword(std::string_view name);
};

// Everything that is not plain data: functions, macros, `loop`, namespaces, iterators.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;
  // The attribute, or nothing when there is none.
  virtual std::optional<Value> attribute(Runtime&, const std::string&) { return std::nullopt; }
  virtual bool callable() const { return false; }
  virtual Value call(Runtime&, Arguments);
  virtual bool iterable() const { return false; }
  // All items (what is left of them, for a one-shot iterator, which is then used up).
  virtual Items iterate(Runtime&);
  // The number of items, where Python's len() works.
  virtual std::optional<int64_t> length(Runtime&) const { return std::nullopt; }
  // True where Python's obj[i] works; `iterate` then gives the items.
  virtual bool indexable() const { return false; }
  virtual bool truthy(Runtime& runtime) const { return length(runtime).value_or(1) != 0; }
  virtual std::string repr(Runtime&);
};

class Function : public Object {
 public:
  using Body = std::function<Value(Runtime&, Arguments)>;
  Function(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  std::string type_name() const override { return "function"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments arguments) override {
    return body_(runtime, std::move(arguments));
  }

 private:
  std::string name_;
  Body body_;
};

// What generators, reversed() and the like give: can be walked once, has no length.
class OneShot : public Object {
 public:
  OneShot(std::string type, Items items) : type_(std::move(type)), items_(std::move(items)) {}
  static Value make(std::string type, Items items) {
    return Value(std::make_shared<OneShot>(std::move(type), std::move(items)));
  }
  std::string type_name() const override { return type_; }
  bool iterable() const override { return true; }
  Items iterate(Runtime&) override;
  std::optional<Value> take();  // the next item

 private:
  std::string type_;
  Items items_;
  size_t next_ = 0;
};

// dict.keys(), .values() and .items().
class DictView : public Object {
 public:
  DictView(std::string type, Items items) : type_(std::move(type)), items_(std::move(items)) {}
  std::string type_name() const override { return type_; }
  bool iterable() const override { return true; }
  Items iterate(Runtime& runtime) override {
    runtime.spend_items(items_.size());
    return items_;
  }
  std::optional<int64_t> length(Runtime&) const override {
    return static_cast<int64_t>(items_.size());
  }
  std::string repr(Runtime&) override;

 private:
  std::string type_;
  Items items_;
};

class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);  // fails for step 0 and over 100000 items
  std::string type_name() const override { return "range"; }
  bool iterable() const override { return true; }
  Items iterate(Runtime&) override;
  std::optional<int64_t> length(Runtime&) const override { return length_; }
  bool indexable() const override { return true; }
  std::string repr(Runtime&) override;

 private:
  int64_t start_, stop_, step_, length_;
};

class Namespace : public Object {
 public:
  std::string type_name() const override { return "Namespace"; }
  std::optional<Value> attribute(Runtime&, const std::string& name) override;
  void set(const std::string& name, Value value, Runtime& runtime);
  void clear() { attributes_ = {}; }
  std::string repr(Runtime&) override;

 private:
  Dict attributes_;
};

// Python's type name: "str", "int", "Undefined", ...
std::string type_name(const Value& value);
bool truthy(const Value& value, Runtime& runtime);
// len(); fails for values without one.
int64_t length(const Value& value, Runtime& runtime);
bool iterable(const Value& value);
// The items of a loop over `value`: list items, dict keys, characters. Fails if not iterable.
Items iterate(const Value& value, Runtime& runtime);
// Fails when `value` cannot be a dict key.
void require_hashable(const Value& value, Runtime& runtime);

// Accounts for going through the text of a string; other values have none.
void spend_text(const Value& value, Runtime& runtime);
void spend_text(const Arguments& arguments, Runtime& runtime);

bool equals(const Value& a, const Value& b, Runtime& runtime);
// Python's `a < b`; fails for kinds that do not compare.
bool less(const Value& a, const Value& b, Runtime& runtime);
// Python's `needle in haystack`.
bool contains(const Value& haystack, const Value& needle, Runtime& runtime);

// obj[key] and obj.name by Jinja's rules: one falls back to the other, then to undefined.
Value get_item(const Value& object, const Value& key, Runtime& runtime);
Value get_attribute(const Value& object, const std::string& name, Runtime& runtime);
Value get_slice(const Value& object, const Value& start, const Value& stop, const Value& step,
                Runtime& runtime);
Value call(const Value& callee, Arguments arguments, Runtime& runtime);

// str() and repr().
std::string to_text(const Value& value, Runtime& runtime);
std::string repr(const Value& value, Runtime& runtime);
std::string repr_float(double value);
std::string repr_string(std::string_view text);

}  // namespace lapidary::jinja
