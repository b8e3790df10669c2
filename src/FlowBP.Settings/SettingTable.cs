// From texts to the record that the code uses, and back. The record's initial values are the defaults, and a record in it that is null
// has no settings: so a command can leave out what it has no use for.

using System.Reflection;

namespace FlowBP.Settings;

/// <summary>The settings that a record declares.</summary>
/// <typeparam name="T">A record.</typeparam>
public sealed class SettingTable<T>
    where T : class
{
    private static readonly MethodInfo s_copy = typeof(object).GetMethod(
        "MemberwiseClone",
        BindingFlags.Instance | BindingFlags.NonPublic
    )!;

    private readonly T defaults;
    private readonly (Setting Setting, PropertyInfo[] Path)[] declared;

    /// <summary>Reads the declarations.</summary>
    /// <param name="defaults">The record with the values that are not given.</param>
    /// <param name="without">Names of settings that are left out.</param>
    public SettingTable(T defaults, params string[] without)
    {
        this.defaults = defaults;
        declared = [.. Declared(defaults, []).Where(each => !without.Contains(each.Setting.Name))];
        Settings = [.. declared.Select(each => each.Setting)];
    }

    /// <summary>The settings, in the order of the properties.</summary>
    public IReadOnlyList<Setting> Settings { get; }

    /// <summary>The record with what is given, by name or alias.</summary>
    /// <param name="owner">Whose settings they are, for messages: <c>method refl</c>.</param>
    /// <param name="given">Names and texts.</param>
    /// <exception cref="UnknownNameException">A name is no setting.</exception>
    /// <exception cref="InvalidSettingException">A value is not accepted, or one setting is given twice.</exception>
    public T Bind(string owner, IEnumerable<KeyValuePair<string, string>> given)
    {
        object record = defaults;
        HashSet<string> names = [];
        foreach (var (name, text) in given)
        {
            var (setting, path) = declared.FirstOrDefault(each => each.Setting.Answers(name));
            if (setting is null)
            {
                throw new UnknownNameException("setting", name, Settings.Select(known => known.Name), $" of {owner}");
            }
            if (!names.Add(setting.Name))
            {
                throw new InvalidSettingException($"{setting.Name} is given twice (once as {name})");
            }
            record = With(record, path, setting.ParseValue(text));
        }
        return (T)record;
    }

    /// <summary>All values of a record by name, as they would be typed: what config.yaml records.</summary>
    /// <param name="record">The record.</param>
    public IEnumerable<KeyValuePair<string, string>> Texts(T record) =>
        declared.Select(each =>
            KeyValuePair.Create(
                each.Setting.Name,
                each.Setting.FormatValue(
                    each.Path.Aggregate((object?)record, (value, property) => property.GetValue(value))
                )
            )
        );

    private static object With(object record, ReadOnlySpan<PropertyInfo> path, object? value)
    {
        var copy = s_copy.Invoke(record, null)!;
        path[0].SetValue(copy, path.Length == 1 ? value : With(path[0].GetValue(copy)!, path[1..], value));
        return copy;
    }

    private static IEnumerable<(Setting Setting, PropertyInfo[] Path)> Declared(object record, PropertyInfo[] outer)
    {
        foreach (var property in record.GetType().GetProperties().OrderBy(property => property.MetadataToken))
        {
            PropertyInfo[] path = [.. outer, property];
            if (property.GetCustomAttribute<SettingAttribute>() is { } attribute)
            {
                yield return (attribute.Of(property, property.GetValue(record)), path);
            }
            else if (property.IsDefined(typeof(SettingsAttribute)) && property.GetValue(record) is { } inner)
            {
                foreach (var each in Declared(inner, path))
                {
                    yield return each;
                }
            }
        }
    }
}
