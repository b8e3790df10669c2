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
            private readonly List<(string Name, Module Value)> modules = [];
            private readonly string name;
            private bool registered;

            /// <summary>A module with a name, which only messages show.</summary>
            protected Module(string name) => this.name = name;

            /// <summary>Whether the module is in training mode.</summary>
            public bool training { get; private set; } = true;

            /// <summary>The module's name.</summary>
            public virtual string GetName() => name;

            /// <summary>The modules registered directly in this one, in order, with their names.</summary>
            public IEnumerable<(string name, Module module)> named_children() => modules.Select(m => (m.Name, m.Value));

            /// <summary>The modules registered directly in this one, in order.</summary>
            public IEnumerable<Module> children() => modules.Select(m => m.Value);

            /// <summary>All modules below this one, with their dotted paths.</summary>
            public IEnumerable<(string name, Module module)> named_modules()
            {
                foreach ((string child, Module module) in modules)
                {
                    yield return (child, module);
                    foreach ((string path, Module inner) in module.named_modules())
                    {
                        yield return ($"{child}.{path}", inner);
                    }
                }
            }

            /// <summary>All parameters, with their dotted paths, each once.</summary>
            public IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<nint>();
                return Tensors(recurse, "")
                    .Where(t => t.IsParameter && seen.Add(t.Value.Handle))
                    .Select(t => (t.Path, (Parameter)t.Owner));
            }

            /// <summary>All parameters, each once.</summary>
            public IEnumerable<Parameter> parameters(bool recurse = true) =>
                named_parameters(recurse).Select(p => p.parameter);

            /// <summary>All buffers, with their dotted paths.</summary>
            public IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true) =>
                Tensors(recurse, "").Where(t => !t.IsParameter).Select(t => (t.Path, t.Value));

            /// <summary>All buffers.</summary>
            public IEnumerable<Tensor> buffers(bool recurse = true) => named_buffers(recurse).Select(b => b.buffer);

            /// <summary>Parameters and persistent buffers by their dotted paths; the tensors are the module's own.</summary>
            public virtual Dictionary<string, Tensor> state_dict(
                Dictionary<string, Tensor>? destination = null,
                string? prefix = null
            )
            {
                destination ??= [];
                string start = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var t in Tensors(true, start).Where(t => t.Persistent))
                {
                    destination.TryAdd(t.Path, t.Value);
                }

                return destination;
            }

            /// <summary>Copies values into the parameters and buffers of the same paths.</summary>
            /// <exception cref="ArgumentException">
            /// A path is missing or unexpected (where <paramref name="strict"/>), or a shape differs; all are named.
            /// </exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source,
                bool strict = true
            )
            {
                Dictionary<string, Tensor> own = state_dict();
                List<string> missing = [.. own.Keys.Where(k => !source.ContainsKey(k))];
                List<string> unexpected = [.. source.Keys.Where(k => !own.ContainsKey(k))];
                List<string> mismatched =
                [
                    .. own.Where(t => source.TryGetValue(t.Key, out Tensor? s) && !s.shape.SequenceEqual(t.Value.shape))
                        .Select(t => $"{t.Key} is {source[t.Key].Describe()}, expected {t.Value.Describe()}"),
                ];
                if (mismatched.Count > 0 || (strict && missing.Count + unexpected.Count > 0))
                {
                    throw new ArgumentException(
                        $"state does not fit {GetName()}: missing [{string.Join(", ", missing)}], "
                            + $"unexpected [{string.Join(", ", unexpected)}], shapes [{string.Join("; ", mismatched)}]"
                    );
                }

                using IDisposable mode = no_grad();
                foreach ((string path, Tensor target) in own)
                {
                    if (source.TryGetValue(path, out Tensor? value))
                    {
                        target.copy_(value);
                    }
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
                modules.Add((name, submodule));
            }

            /// <summary>Switches training mode on or off, here and below.</summary>
            public virtual void train(bool on = true)
            {
                training = on;
                foreach (Module child in children())
                {
                    child.train(on);
                }
            }

            /// <summary>Switches training mode off, here and below.</summary>
            public virtual void eval() => train(false);

            /// <summary>Drops all gradients.</summary>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (Parameter parameter in parameters())
                {
                    using Tensor? gradient = parameter.grad;
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

                    foreach (Module child in children())
                    {
                        child.Dispose();
                    }
                }
            }

            /// <summary>
            /// Registers every field of this object that is a parameter, a tensor (as buffer) or a module, under the
            /// field's name, in the order of declaration; base classes first.
            /// </summary>
            protected virtual void RegisterComponents()
            {
                if (registered)
                {
                    return;
                }

                registered = true;
                foreach (FieldInfo field in Fields(GetType()))
                {
                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(field.Name, module);
                            break;
                        case Parameter parameter:
                            register_parameter(field.Name, parameter);
                            break;
                        case Tensor tensor:
                            register_buffer(field.Name, tensor);
                            break;
                    }
                }
            }

            /// <summary>Converts the floating-point state to an element type, keeping every tensor's identity.</summary>
            internal void Convert(ScalarType? type, Device? device)
            {
                foreach (var t in Tensors(true, ""))
                {
                    bool floating =
                        t.Value.dtype
                        is ScalarType.Float16
                            or ScalarType.Float32
                            or ScalarType.Float64
                            or ScalarType.BFloat16;
                    using IDisposable mode = no_grad();
                    using Tensor staged = type is { } dtype && floating ? t.Value.detach().to(dtype) : t.Value.detach();
                    using Tensor moved = device is null ? staged.alias() : staged.to(device);
                    bool recorded = t.Value.requires_grad;
                    t.Value.Adopt(moved);
                    if (recorded)
                    {
                        t.Value.requires_grad_();
                    }
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
                    foreach ((string child, Module module) in modules)
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

            private void CheckName(string name)
            {
                if (tensors.Any(t => t.Name == name) || modules.Any(m => m.Name == name))
                {
                    throw new ArgumentException($"{GetName()} already has a component named {name}");
                }
            }
        }

        /// <summary>A module with one input.</summary>
        public abstract class Module<T1, TResult>(string name) : Module(name)
        {
            /// <summary>The module's function.</summary>
            public abstract TResult forward(T1 input);

            /// <summary>Applies the module.</summary>
            public TResult call(T1 input) => forward(input);
        }

        /// <summary>A module with two inputs.</summary>
        public abstract class Module<T1, T2, TResult>(string name) : Module(name)
        {
            /// <summary>The module's function.</summary>
            public abstract TResult forward(T1 input1, T2 input2);

            /// <summary>Applies the module.</summary>
            public TResult call(T1 input1, T2 input2) => forward(input1, input2);
        }

        /// <summary>A module with three inputs.</summary>
        public abstract class Module<T1, T2, T3, TResult>(string name) : Module(name)
        {
            /// <summary>The module's function.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            /// <summary>Applies the module.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3) => forward(input1, input2, input3);
        }

        /// <summary>A module with four inputs.</summary>
        public abstract class Module<T1, T2, T3, T4, TResult>(string name) : Module(name)
        {
            /// <summary>The module's function.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4);

            /// <summary>Applies the module.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4) => forward(input1, input2, input3, input4);
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
