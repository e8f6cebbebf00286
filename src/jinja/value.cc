#include "jinja/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

int depth_of(const Items& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  if (depth >= kMaxValueDepth) fail("lists or dicts nested too deeply");
  return depth + 1;
}

}  // namespace

Value Value::undefined(std::string message) {
  Value value;
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(message))};
  return value;
}

Value Value::safe(std::string text) {
  Value value;
  value.data_ = std::make_shared<const StringData>(StringData{std::move(text), true});
  return value;
}

Value Value::list(Items items) {
  const int depth = depth_of(items);
  Value value;
  value.data_ = std::make_shared<const Sequence>(Sequence{std::move(items), false, false, depth});
  return value;
}

Value Value::tuple(Items items, bool group) {
  const int depth = depth_of(items);
  Value value;
  value.data_ = std::make_shared<const Sequence>(Sequence{std::move(items), true, group, depth});
  return value;
}

Value Value::dict(Dict dict) {
  return Value(std::static_pointer_cast<const Dict>(std::make_shared<Dict>(std::move(dict))));
}

std::optional<int64_t> Value::integer() const {
  if (is_int()) return as_int();
  if (is_bool()) return as_bool() ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (is_float()) return as_float();
  if (auto v = integer()) return static_cast<double>(*v);
  return std::nullopt;
}

const std::string& Value::undefined_message() const {
  static const std::string fallback = "value is undefined";
  const auto& message = std::get<Undefined>(data_).message;
  return message == nullptr ? fallback : *message;
}

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_dict()) return dict().depth();
  return 0;
}

bool Value::same_as(const Value& other) const {
  if (data_.index() != other.data_.index()) return false;
  if (is_none() || is_undefined()) return is_none();
  if (is_bool()) return as_bool() == other.as_bool();
  if (is_int()) return as_int() == other.as_int();
  if (is_string()) return string() == other.string();
  if (is_sequence()) return &sequence() == &other.sequence();
  if (is_dict()) return &dict() == &other.dict();
  if (is_object()) return &object() == &other.object();
  return false;
}

// --- Dict -------------------------------------------------------------------------------------

namespace {

// Equality of dict keys: scalars and tuples of them.
bool keys_equal(const Value& a, const Value& b, Runtime& runtime) {
  runtime.spend();
  if (a.is_string() || b.is_string()) {
    return a.is_string() && b.is_string() && equals(a, b, runtime);
  }
  if (a.is_tuple() && b.is_tuple()) {
    return a.items().size() == b.items().size() &&
           std::equal(a.items().begin(), a.items().end(), b.items().begin(),
                      [&](const Value& x, const Value& y) { return keys_equal(x, y, runtime); });
  }
  if (a.integer() && b.integer()) return *a.integer() == *b.integer();
  const auto x = a.number();
  const auto y = b.number();
  if (x && y) return *x == *y;
  return (a.is_undefined() && b.is_undefined()) || a.same_as(b);
}

}  // namespace

void require_hashable(const Value& value, Runtime& runtime) {
  runtime.spend();
  if (value.is_list() || value.is_dict()) {
    fail(fmt::format("unhashable type: '{}'", type_name(value)));
  }
  if (!value.is_tuple()) return;
  for (const Value& item : value.items()) require_hashable(item, runtime);
}

std::optional<size_t> Dict::position_of_text(std::string_view key, Runtime& runtime) const {
  // The search compares as often as the tree is deep.
  runtime.spend(1 + key.size() / 32 * static_cast<size_t>(std::bit_width(index_.size()) + 1));
  const auto it = index_.find(key);
  if (it == index_.end()) return std::nullopt;
  return it->second;
}

const Value* Dict::find_text(std::string_view key, Runtime& runtime) const {
  const auto at = position_of_text(key, runtime);
  return at ? &entries_[*at].second : nullptr;
}

std::optional<size_t> Dict::position(const Value& key, Runtime& runtime) const {
  if (key.is_string()) return position_of_text(key.string(), runtime);
  if (!has_other_keys_) return std::nullopt;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (keys_equal(entries_[i].first, key, runtime)) return i;
  }
  return std::nullopt;
}

const Value* Dict::find(const Value& key, Runtime& runtime) const {
  require_hashable(key, runtime);
  const auto at = position(key, runtime);
  return at ? &entries_[*at].second : nullptr;
}

void Dict::set(Value key, Value value, Runtime& runtime) {
  require_hashable(key, runtime);
  const int depth = std::max(key.depth(), value.depth());
  if (depth >= kMaxValueDepth) fail("lists or dicts nested too deeply");
  depth_ = std::max(depth_, depth + 1);
  if (auto at = position(key, runtime)) {
    entries_[*at].second = std::move(value);
    return;
  }
  if (!key.is_string()) {
    has_other_keys_ = true;
    if (entries_.size() >= 4096) fail("a dict with so many keys that are not strings is refused");
  }
  runtime.spend(4);  // the memory of an entry
  const auto& entry = entries_.emplace_back(std::move(key), std::move(value));
  if (entry.first.is_string()) index_.emplace(entry.first.string(), entries_.size() - 1);
}

Value* Arguments::find_keyword(std::string_view name) {
  for (auto& [key, value] : keyword) {
    if (key == name) return &value;
  }
  return nullptr;
}

// --- Objects ----------------------------------------------------------------------------------

Value Object::call(Runtime&, Arguments) {
  fail(fmt::format("'{}' object is not callable", type_name()));
}
Items Object::iterate(Runtime&) { fail(fmt::format("'{}' object is not iterable", type_name())); }
std::string Object::repr(Runtime&) {
  fail(fmt::format("printing a '{}' has no meaning (for a generator, add |list)", type_name()));
}

Items OneShot::iterate(Runtime&) {
  Items rest(items_.begin() + static_cast<std::ptrdiff_t>(next_), items_.end());
  next_ = items_.size();
  return rest;
}

std::optional<Value> OneShot::take() {
  if (next_ >= items_.size()) return std::nullopt;
  return items_[next_++];
}

std::string DictView::repr(Runtime& runtime) {
  runtime.spend_items(items_.size());
  return fmt::format("{}({})", type_, jinja::repr(Value::list(items_), runtime));
}

__extension__ using Wide = __int128;

Range::Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {
  if (step == 0) fail("range() arg 3 must not be zero");
  // In 128 bits, because stop - start may not fit in 64.
  const Wide distance = static_cast<Wide>(stop) - start;
  const Wide count = (distance > 0) == (step > 0) && distance != 0
                         ? (distance + step - (step > 0 ? 1 : -1)) / step
                         : 0;
  if (count > 100000) {
    fail("range too big: the sandbox blocks ranges of more than 100000 items");
  }
  length_ = static_cast<int64_t>(count);
}

Items Range::iterate(Runtime& runtime) {
  runtime.spend_items(static_cast<size_t>(length_));
  Items items;
  items.reserve(static_cast<size_t>(length_));
  for (int64_t i = 0; i < length_; ++i) items.emplace_back(start_ + i * step_);
  return items;
}

std::string Range::repr(Runtime&) {
  std::string out = fmt::format("range({}, {}", start_, stop_);
  if (step_ != 1) out += fmt::format(", {}", step_);
  return out + ")";
}

std::optional<Value> Namespace::attribute(Runtime& runtime, const std::string& name) {
  const Value* value = attributes_.find_text(name, runtime);
  if (value == nullptr) return std::nullopt;
  return *value;
}

void Namespace::set(const std::string& name, Value value, Runtime& runtime) {
  if (name.starts_with('_')) {
    fail(fmt::format(
        "chat templates cannot store underscore-prefixed attributes on a namespace, but got '{}'",
        name));
  }
  attributes_.set(Value(name), std::move(value), runtime);
}

std::string Namespace::repr(Runtime& runtime) {
  runtime.spend_new_items(attributes_.size());
  return fmt::format("<Namespace {}>", jinja::repr(Value::dict(attributes_), runtime));
}

// --- Protocols --------------------------------------------------------------------------------

std::string type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "NoneType";
  if (value.is_bool()) return "bool";
  if (value.is_int()) return "int";
  if (value.is_float()) return "float";
  if (value.is_string()) return "str";
  if (value.is_sequence()) return value.sequence().tuple ? "tuple" : "list";
  if (value.is_dict()) return "dict";
  return value.object().type_name();
}

bool truthy(const Value& value, Runtime& runtime) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int() != 0;
  if (value.is_float()) return value.as_float() != 0.0;
  if (value.is_string()) return !value.string().empty();
  if (value.is_sequence()) return !value.items().empty();
  if (value.is_dict()) return value.dict().size() != 0;
  return value.object().truthy(runtime);
}

int64_t length(const Value& value, Runtime& runtime) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) {
    runtime.spend_scan(value.string().size());
    return static_cast<int64_t>(count_code_points(value.string()));
  }
  if (value.is_sequence()) return static_cast<int64_t>(value.items().size());
  if (value.is_dict()) return static_cast<int64_t>(value.dict().size());
  if (value.is_object()) {
    if (auto n = value.object().length(runtime)) return *n;
  }
  fail(fmt::format("object of type '{}' has no len()", type_name(value)));
}

bool iterable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is_sequence() || value.is_dict() ||
         (value.is_object() && value.object().iterable());
}

Items iterate(const Value& value, Runtime& runtime) {
  if (value.is_undefined()) return {};
  if (value.is_sequence()) {
    runtime.spend_items(value.items().size());
    return value.items();
  }
  Items items;
  if (value.is_dict()) {
    runtime.spend_items(value.dict().size());
    for (const auto& [key, unused] : value.dict().entries()) items.push_back(key);
    return items;
  }
  if (value.is_string()) {
    runtime.spend_new_items(value.string().size());
    for (size_t i = 0; i < value.string().size();) {
      const size_t start = i;
      next_char(value.string(), i);
      items.emplace_back(value.string().substr(start, i - start));
    }
    return items;
  }
  if (value.is_object()) return value.object().iterate(runtime);
  fail(fmt::format("'{}' object is not iterable", type_name(value)));
}

void spend_text(const Value& value, Runtime& runtime) {
  if (value.is_string()) runtime.spend_scan(value.string().size());
}

void spend_text(const Arguments& arguments, Runtime& runtime) {
  for (const Value& value : arguments.positional) spend_text(value, runtime);
  for (const auto& [name, value] : arguments.keyword) spend_text(value, runtime);
}

Value call(const Value& callee, Arguments arguments, Runtime& runtime) {
  if (callee.is_undefined()) fail(callee.undefined_message());
  if (!callee.is_object()) fail(fmt::format("'{}' object is not callable", type_name(callee)));
  runtime.spend();
  spend_text(arguments, runtime);
  return callee.object().call(runtime, std::move(arguments));
}

}  // namespace lapidary::jinja
