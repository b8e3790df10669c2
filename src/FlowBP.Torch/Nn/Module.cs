using System.Reflection;
using FlowBP.Torch.Modules;

namespace FlowBP.Torch;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// A part of a network: parameters, buffers and other modules, by name. A derived class assigns its fields and
        /// then calls <see cref="RegisterComponents"/>, which registers every field under the field's own name.
        /// </summary>
        public abstract class Module : IDisposable
        {
            private readonly List<(string Name, Tensor Value, bool IsParameter, bool Persistent)> tensors = [];
            private readonly List<(string Name, Module Value)> submodules = [];
            private readonly string name;
            private bool registered;

            /// <summary>A module with a name, which only messages show.</summary>
            protected Module(string name) => this.name = name;

            /// <summary>Whether the module is in training mode.</summary>
            public bool training { get; private set; } = true;

            /// <summary>The module's name.</summary>
            public virtual string GetName() => name;

            /// <summary>The modules registered directly in this one, in order.</summary>
            public IEnumerable<Module> children() => submodules.Select(m => m.Value);

            /// <summary>All modules below this one, with their dotted paths: first the direct ones, then theirs.</summary>
            public IEnumerable<(string name, Module module)> named_modules()
            {
                foreach ((var child, var module) in submodules)
                {
                    yield return (child, module);
                }

                foreach ((var child, var module) in submodules)
                {
                    foreach ((var path, var inner) in module.named_modules())
                    {
                        yield return ($"{child}.{path}", inner);
                    }
                }
            }

            /// <summary>All modules below this one, in the order of <see cref="named_modules"/>.</summary>
            public IEnumerable<Module> modules() => named_modules().Select(m => m.module);

            /// <summary>The parameter at a dotted path, or null.</summary>
            public virtual Parameter? get_parameter(string target) =>
                Tensors(true, "").FirstOrDefault(t => t.IsParameter && t.Path == target).Value as Parameter;

            /// <summary>All parameters, with their dotted paths, each once; disposed ones too.</summary>
            public IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<nint>();
                return Tensors(recurse, "")
                    .Where(t => t.IsParameter && (t.Value.IsInvalid || seen.Add(t.Value.Handle)))
                    .Select(t => (t.Path, (Parameter)t.Owner));
            }

            /// <summary>All parameters, each once.</summary>
            public IEnumerable<Parameter> parameters(bool recurse = true) =>
                named_parameters(recurse).Select(p => p.parameter);

            /// <summary>All buffers, with their dotted paths.</summary>
            public IEnumerable<(string name, Tensor buffer)> named_buffers(
                bool recurse = true,
                bool include_nonpersistent = true
            ) =>
                Tensors(recurse, "")
                    .Where(t => !t.IsParameter && (t.Persistent || include_nonpersistent))
                    .Select(t => (t.Path, t.Value));

            /// <summary>All buffers.</summary>
            public IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(b => b.buffer);

            /// <summary>Parameters and persistent buffers by their dotted paths; the tensors are the module's own.</summary>
            public virtual Dictionary<string, Tensor> state_dict(
                Dictionary<string, Tensor>? destination = null,
                string? prefix = null
            )
            {
                destination ??= [];
                var start = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var t in Tensors(true, start).Where(t => t.Persistent))
                {
                    destination.TryAdd(t.Path, t.Value);
                }

                return destination;
            }

            /// <summary>Copies values into the parameters and buffers of the same paths.</summary>
            /// <param name="source">Values by path, of any element type.</param>
            /// <param name="strict">Every path must be there, and no other.</param>
            /// <param name="skip">Paths that are left alone on both sides.</param>
            /// <returns>The paths that had no value, and the values that had no path.</returns>
            /// <exception cref="InvalidOperationException">
            /// A path is missing or unexpected (where <paramref name="strict"/>), or a shape differs; all are named, and
            /// nothing was copied.
            /// </exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source,
                bool strict = true,
                IList<string>? skip = null
            )
            {
                var own = state_dict();
                bool Taken(string path) => skip is null || !skip.Contains(path);
                List<string> missing = [.. own.Keys.Where(k => Taken(k) && !source.ContainsKey(k))];
                List<string> unexpected = [.. source.Keys.Where(k => Taken(k) && !own.ContainsKey(k))];
                List<(string Path, Tensor Target, Tensor Value)> found =
                [
                    .. own.Where(t => Taken(t.Key) && source.ContainsKey(t.Key))
                        .Select(t => (t.Key, t.Value, source[t.Key])),
                ];
                List<string> mismatched =
                [
                    .. found
                        .Where(t => !t.Value.shape.SequenceEqual(t.Target.shape))
                        .Select(t => $"{t.Path} is {t.Value.Describe()}, expected {t.Target.Describe()}"),
                ];
                List<string> problems = [];
                void Report(string what, List<string> paths, string separator)
                {
                    if (paths.Count > 0)
                    {
                        problems.Add($"{what} [{string.Join(separator, paths)}]");
                    }
                }

                if (strict)
                {
                    Report("missing", missing, ", ");
                    Report("unexpected", unexpected, ", ");
                }

                Report("shapes", mismatched, "; ");
                if (problems.Count > 0)
                {
                    throw new InvalidOperationException(
                        $"state does not fit {GetName()}: {string.Join(", ", problems)}"
                    );
                }

                using var mode = no_grad();
                foreach ((_, var target, var value) in found)
                {
                    target.copy_(value);
                }

                return (missing, unexpected);
            }

            /// <summary>Registers a parameter.</summary>
            public virtual void register_parameter(string name, Parameter? param)
            {
                if (param is not null)
                {
                    Add(name, param.DetachFromDisposeScope(), true, true);
                }
            }

            /// <summary>Registers a buffer: state that is not trained.</summary>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true) =>
                Add(name, tensor.DetachFromDisposeScope(), false, persistent);

            /// <summary>Registers a module.</summary>
            public virtual void register_module(string name, Module submodule)
            {
                CheckName(name);
                submodules.Add((name, submodule));
            }

            /// <summary>Switches training mode on or off, here and below.</summary>
            public virtual void train(bool on = true)
            {
                training = on;
                foreach (var child in children())
                {
                    child.train(on);
                }
            }

            /// <summary>Switches training mode off, here and below.</summary>
            public virtual void eval() => train(false);

            /// <summary>Drops all gradients.</summary>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    using var gradient = parameter.grad;
                    if (set_to_none)
                    {
                        parameter.grad = null;
                    }
                    else
                    {
                        gradient?.zero_();
                    }
                }
            }

            /// <summary>Disposes all parameters, buffers and modules.</summary>
            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes all parameters, buffers and modules.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (disposing)
                {
                    foreach (var (_, value, _, _) in tensors)
                    {
                        value.Dispose();
                    }

                    foreach (var child in children())
                    {
                        child.Dispose();
                    }
                }
            }

            /// <summary>
            /// Registers every field of this object that is a parameter, a tensor (as buffer) or a module, under the
            /// field's name (an automatic property's under the property's), in the order of declaration; base classes
            /// first. A name that is registered already is left as it is.
            /// </summary>
            protected virtual void RegisterComponents()
            {
                if (registered)
                {
                    return;
                }

                registered = true;
                foreach (var field in Fields(GetType()))
                {
                    var component = ComponentName(field);
                    if (IsTaken(component))
                    {
                        continue;
                    }

                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(component, module);
                            break;
                        case Parameter parameter:
                            register_parameter(component, parameter);
                            break;
                        case Tensor tensor:
                            register_buffer(component, tensor);
                            break;
                    }
                }
            }

            /// <summary>
            /// Converts the floating-point state to an element type and moves all of it, gradients too. Every object stays
            /// the tensor that it was to whoever holds it; one that needs no change is not touched, so that graphs that
            /// reach it stay valid.
            /// </summary>
            internal void Convert(ScalarType? type, Device? device)
            {
                using var mode = no_grad();
                foreach (var t in Tensors(true, ""))
                {
                    using var scope = NewDisposeScope();
                    var dtype = type is { } wanted && is_floating_point(t.Value.dtype) ? wanted : t.Value.dtype;
                    var place = device ?? t.Value.device;
                    if (dtype == t.Value.dtype && place.Equals(t.Value.device))
                    {
                        continue;
                    }

                    var recorded = t.Value.requires_grad;
                    var gradient = t.Value.grad?.to(dtype, place);
                    t.Value.Adopt(t.Value.detach().to(dtype, place));
                    if (recorded)
                    {
                        t.Value.requires_grad_();
                    }

                    t.Value.grad = gradient;
                }
            }

            private static IEnumerable<FieldInfo> Fields(Type? type)
            {
                if (type is null || type == typeof(Module))
                {
                    return [];
                }

                return Fields(type.BaseType)
                    .Concat(
                        type.GetFields(
                                BindingFlags.Instance
                                    | BindingFlags.Public
                                    | BindingFlags.NonPublic
                                    | BindingFlags.DeclaredOnly
                            )
                            .OrderBy(f => f.MetadataToken)
                    );
            }

            private IEnumerable<(string Path, Tensor Value, Tensor Owner, bool IsParameter, bool Persistent)> Tensors(
                bool recurse,
                string prefix
            )
            {
                foreach (var (path, value, isParameter, persistent) in tensors)
                {
                    yield return (prefix + path, value, value, isParameter, persistent);
                }

                if (recurse)
                {
                    foreach ((var child, var module) in submodules)
                    {
                        foreach (var t in module.Tensors(true, $"{prefix}{child}."))
                        {
                            yield return t;
                        }
                    }
                }
            }

            private void Add(string name, Tensor tensor, bool isParameter, bool persistent)
            {
                CheckName(name);
                tensors.Add((name, tensor, isParameter, persistent));
            }

            // The compiler calls the field of an automatic property <Name>k__BackingField.
            private static string ComponentName(FieldInfo field) =>
                field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>')] : field.Name;

            private bool IsTaken(string name) =>
                tensors.Any(t => t.Name == name) || submodules.Any(m => m.Name == name);

            private void CheckName(string name)
            {
                if (name.Length == 0 || name.Contains('.'))
                {
                    throw new ArgumentException(
                        $"'{name}' can't name a component of {GetName()}: empty, or with a dot"
                    );
                }

                if (IsTaken(name))
                {
                    throw new ArgumentException($"{GetName()} already has a component named {name}");
                }
            }
        }
    }

    /// <summary>Converts a module's floating-point parameters and buffers in place, and returns it.</summary>
    public static T to<T>(this T module, ScalarType type)
        where T : nn.Module
    {
        module.Convert(type, null);
        return module;
    }

    /// <summary>Moves a module's parameters and buffers in place, and returns it.</summary>
    public static T to<T>(this T module, Device device)
        where T : nn.Module
    {
        module.Convert(null, device);
        return module;
    }
}
